"""SQuAD's task: a paragraph of facts, questions that it answers or (v2) does not, and a chosen number of distractors.

A story is `facts | question | slot that answers it | question without an answer`. Most have two questions with other
answers: then nothing but the question says which of two things of one kind is asked for. Distractors state the same
kind of fact about something else ("I put my red bag in the black bag": the black bag does not matter when the red one
is asked for). They never change a story: the paragraph with fewer distractors is the one with more, less some
sentences, so the same question can be compared at every level.
"""

import re
from typing import NamedTuple

from ina.data.probe.inflection import Word
from ina.data.probe.template import SLOT, Draw, Row, bind, fill, phenomena

LEVELS = (0, 1, 2, 4, 8)
"""Numbers of distractors."""


class Story(NamedTuple):
    """Slots in braces; `questions` are pairs of a question and the slot that answers it, which it must not hold."""

    facts: str
    questions: tuple[tuple[str, str], ...]
    impossible: str


def story(text: str) -> Story:
    """`facts | question | slot | ... | question without an answer`."""
    facts, *asked, impossible = text.split(" | ")
    return Story(facts, tuple(zip(asked[::2], asked[1::2], strict=True)), impossible)


STORIES = phenomena(
    """
colour
    train  {name}'s {object} is {colour}.
           | What colour is {name}'s {object}? | colour | What colour is {name}'s {object2}?
    train  In {city}, {name} bought a {colour} {object}.
           | What colour is the {object} that {name} bought? | colour | What colour is the {object} that {name2} bought?
    train  {name} walked to the {room} with a {colour} {object}.
           | What colour is the {object} of {name}? | colour | What colour is the {object} of {name2}?
    train  {name} put {name.his} {colour} {object} in the {colour2} {container}. {name2} bought a new {object2}.
           | What is the colour of {name}'s {object}? | colour | What is the colour of the {container}? | colour2
           | What is the colour of {name2}'s {object2}?
    train  {name} has a {colour} {object}. The {object} of {name2} is {colour2}.
           | What colour is {name}'s {object}? | colour | What colour is {name2}'s {object}? | colour2
           | What colour is {name2}'s {object2}?
    train  {name}'s {object} used to be {colour}. {name.he} painted it, and now it is {colour2}.
           | What colour was {name}'s {object} before? | colour | What colour is {name}'s {object} now? | colour2
           | What colour is {name}'s {object2} now?
    train  There are two {object.pl} in the {room}. The {colour} one belongs to {name} and the {colour2} one to {name2}.
           | What colour is the {object} that belongs to {name}? | colour
           | What colour is the {object} that belongs to {name2}? | colour2
           | What colour is the {object2} that belongs to {name}?
    train  {name} bought a {colour} {object} and a {colour2} {object2}. {name.he} gave the {object2} to {name2}.
           | What is the colour of the {object} that {name} bought? | colour
           | What is the colour of the {object2} that {name} bought? | colour2
           | What is the colour of the {object3} that {name} bought?
    train  {name}'s {object} is {colour} with {colour2} stripes.
           | What colour is {name}'s {object}? | colour | What colour are the stripes on {name}'s {object}? | colour2
           | What colour are the stripes on {name2}'s {object}?
    train  The {colour} {object} is for {name}, and {name2} gets the {colour2} {object2}.
           | What colour is the {object} for {name}? | colour | What colour is the {object2} for {name2}? | colour2
           | What colour is the {object3} for {name2}?
    train  {name} carries two things, a {object} and a {object2}. The first is {colour} and the second {colour2}.
           | What is the colour of {name}'s {object}? | colour | What is the colour of {name}'s {object2}? | colour2
           | What is the colour of {name}'s {object3}?
    dev    The colour of {name}'s {object} is {colour}.
           | Which colour does {name}'s {object} have? | colour | Which colour does {name2}'s {object} have?
    dev    {name} and {name2} each bought a {object} in {city}. {name} chose a {colour} one, {name2} a {colour2} one.
           | Which colour did {name} choose for {name.his} {object}? | colour
           | Which colour did {name2} choose for {name2.his} {object}? | colour2
           | Which colour did {name} choose for {name.his} {object2}?
    dev    On the {colour} {container} of {name} lies a {colour2} {object}, which {name2} has forgotten.
           | Of what colour is {name}'s {container}? | colour | Of what colour is {name2}'s {object}? | colour2
           | Of what colour is {name2}'s {container}?
    dev    {name2} was sure that {name} owned a {colour} {object}. In fact it is {colour2}.
           | What colour did {name2} expect the {object} that {name} owns to have? | colour
           | What is the real colour of the {object} that {name} owns? | colour2
           | What is the real colour of the {object} that {name2} owns?
    dev    {name} owns a {colour} {object}, and beside it lies {name.his} {object2}, which is {colour2}.
           | What colour does the {object} of {name} have? | colour
           | What colour does the {object2} of {name} have? | colour2
           | What colour does the {object3} of {name} have?
material
    train  {name}'s {ware} is made of {material}.
           | What is {name}'s {ware} made of? | material | What is {name2}'s {ware} made of?
    train  {name} has a {ware} of {material}.
           | Of what material is {name}'s {ware}? | material | Of what material is {name}'s {ware2}?
    train  In {city}, {name} bought a {ware} of {material}.
           | What is the {ware} made of that {name} bought? | material | What is the {ware} made of that {name2} bought?
    train  {name} keeps a {ware} made of {material} in a {container} made of {material2}.
           | What is {name}'s {ware} made of? | material | What is {name}'s {container} made of? | material2
           | What is {name}'s {ware2} made of?
    train  {name} broke a {ware} of {material}. {name2} gave {name.him} a new one of {material2}.
           | Of what material was the {ware} that {name} broke? | material
           | Of what material was the {ware} that {name2} gave to {name}? | material2
           | Of what material was the {ware2} that {name2} gave to {name}?
    train  {name}'s {ware} is made of {material}. {name2}'s, which looks the same, is made of {material2}.
           | What is {name}'s {ware} made of? | material | What is {name2}'s {ware} made of? | material2
           | What is {name2}'s {ware2} made of?
    train  {name} sold a {ware} made of {material} to {name2}, who paid with a {ware2} of {material2}.
           | Of what material was the {ware} that {name} sold? | material
           | Of what material was the {ware2} that {name2} paid with? | material2
           | Of what material was the {ware3} that {name} sold?
    train  The {ware} of {name} looks as if it were of {material}, but it is of {material2}.
           | What does {name}'s {ware} seem to be made of? | material | What is {name}'s {ware} made of? | material2
           | What is {name2}'s {ware} made of?
    train  A {ware} and a {ware2} belong to {name}. The one is made of {material}, the other of {material2}.
           | What is the {ware} made of that belongs to {name}? | material
           | What is the {ware2} made of that belongs to {name}? | material2
           | What is the {ware3} made of that belongs to {name}?
    train  From {material}, {name} made a {ware}, and from {material2} a {ware2}.
           | Of what material is the {ware} that {name} made? | material
           | Of what material is the {ware2} that {name} made? | material2
           | Of what material is the {ware3} that {name} made?
    dev    {name} owns a {ware} that consists of {material}.
           | What does the {ware} of {name} consist of? | material | What does the {ware} of {name2} consist of?
    dev    {name} wanted a {ware} of {material}, but in {city} there were only {ware.pl} of {material2},
           so {name.he} took one.
           | Of what is the {ware} made that {name} wanted? | material
           | Of what is the {ware} made that {name} took? | material2 | Of what is the {ware2} made that {name} took?
    dev    In the {room} stand a {ware} of {material}, a present from {name}, and a {ware2} of {material2} from {name2}.
           | Which material is the {ware} from {name} made of? | material
           | Which material is the {ware2} from {name2} made of? | material2
           | Which material is the {ware3} from {name} made of?
    dev    {name} dreams of a {ware} of {material}, though {name.he} has only a {ware2}, and that of {material2}.
           | Which material is the {ware} made of that {name} dreams of? | material
           | Which material is the {ware2} made of that {name} has? | material2
           | Which material is the {ware3} made of that {name} dreams of?
    dev    Where {name}'s {ware} consists of {material}, {name2}'s consists of {material2}.
           | Which material is {name}'s {ware} made of? | material
           | Which material is {name2}'s {ware} made of? | material2
           | Which material is {name2}'s {ware2} made of?
room
    train  {name} left the {object} in the {room}.
           | Where did {name} leave the {object}? | room | Where did {name2} leave the {object}?
    train  {name}'s {object} is in the {room}.
           | In which room is {name}'s {object}? | room | In which room is {name}'s {object2}?
    train  In the {room}, {name} found a {object}.
           | In which room did {name} find the {object}? | room | In which room did {name} find the {object2}?
    train  {name} carried the {object} from the {room} to the {room2}. {name2} was looking for the {object2}.
           | From where did {name} carry the {object}? | room | To where did {name} carry the {object}? | room2
           | To where did {name2} carry the {object2}?
    train  {name} left {name.his} {object} in the {room}. {name2} found it there and took it to the {room2}.
           | Where did {name} leave {name.his} {object}? | room
           | To which room did {name2} take {name}'s {object}? | room2
           | To which room did {name2} take {name}'s {object2}?
    train  {name} put the {object} into the {container}. The {container} is in the {room}, and the {container2}
           is in the {room2}.
           | In which room is the {object} that {name} put away? | room | In which room is the {container2}? | room2
           | In which room is the {object2} that {name} put away?
    train  {name} keeps the {object} in the {room} and the {object2} in the {room2}.
           | Where does {name} keep the {object}? | room | Where does {name} keep the {object2}? | room2
           | Where does {name} keep the {object3}?
    train  The {object} in the {room} is {name}'s, and the one in the {room2} is {name2}'s.
           | In which room is {name}'s {object}? | room | In which room is {name2}'s {object}? | room2
           | In which room is {name2}'s {object2}?
    train  {name}'s {object} was in the {room} before {name.he} took it to the {room2}.
           | In which room was {name}'s {object} at first? | room
           | In which room was {name}'s {object} afterwards? | room2
           | In which room was {name}'s {object2} afterwards?
    train  While {name} was cleaning the {object} in the {room}, {name2} was cleaning the {object2} in the {room2}.
           | In which room did {name} clean the {object}? | room
           | In which room did {name2} clean the {object2}? | room2
           | In which room did {name2} clean the {object3}?
    dev    A {object} that belongs to {name} lies in the {room}.
           | Which room does the {object} of {name} lie in? | room | Which room does the {object2} of {name} lie in?
    dev    {name} looked for {name.his} {object} in the {room}, but it was in the {room2}.
           | Which room did {name} look for {name.his} {object} in? | room
           | Which room was {name}'s {object} in? | room2
           | Which room was {name}'s {object2} in?
    dev    {name} gave {name2} a {object}, and {name2} hid it in the {room}. {name} hid a {object2} in the {room2}.
           | What room is the {object} in that {name2} hid? | room
           | What room is the {object2} in that {name} hid? | room2
           | What room is the {object3} in that {name2} hid?
    dev    {name} stores a {object} in the {room}; the {room2} is where {name.he} stores a {object2}.
           | What room does {name} store the {object} in? | room
           | What room does {name} store the {object2} in? | room2
           | What room does {name} store the {object3} in?
    dev    Of the two {object.pl}, {name} came across one in the {room}, {name2} across the other in the {room2}.
           | In what room did {name} come across a {object}? | room
           | In what room did {name2} come across a {object}? | room2
           | In what room did {name2} come across a {object2}?
name
    train  {name} has a {colour} {object}. | Who has the {colour} {object}? | name | Who has the {colour2} {object}?
    train  {name} found a {colour} {object} in the {room}.
           | Who found the {colour} {object}? | name | Who found the {colour2} {object}?
    train  In {city}, {name} bought a {colour} {object}.
           | Who bought the {colour} {object}? | name | Who bought the {colour} {object2}?
    train  The {colour} {object} belongs to {name} and the {colour2} {object} to {name2}.
           | Who owns the {colour} {object}? | name | Who owns the {colour2} {object}? | name2
           | Who owns the {colour3} {object}?
    train  {name} gave {name2} a {colour} {object} and kept the {colour2} one.
           | Who kept the {colour2} {object}? | name | Who received the {colour} {object}? | name2
           | Who received the {colour3} {object}?
    train  {name2} lent the {colour} {object} to {name}, who left it in the {room}.
           | Who left the {colour} {object} in the {room}? | name | Who lent out the {colour} {object}? | name2
           | Who lent out the {colour2} {object}?
    train  In the {room}, {name} sold {number} {object.pl} to {name2}.
           | Who sold {number} {object.pl}? | name | Who bought {number} {object.pl}? | name2
           | Who repaired {number} {object.pl}?
    train  The {colour} {object} was made by {name} for {name2}.
           | Who made the {colour} {object}? | name | For whom was the {colour} {object} made? | name2
           | Who made the {colour} {object2}?
    train  {name} has a {colour} {object}, and so has {name2}, but {name2.his} {object} is {colour2}.
           | Who has the {colour} {object}? | name | Who has the {colour2} {object}? | name2
           | Who has the {colour3} {object}?
    train  The {colour} {object} was stolen from {name} by {name2}.
           | From whom was the {colour} {object} stolen? | name | By whom was the {colour} {object} stolen? | name2
           | By whom was the {colour2} {object} stolen?
    dev    {name} is proud of a {colour} {object}.
           | Who is proud of the {colour} {object}? | name | Who is proud of the {colour2} {object}?
    dev    It was not {name} but {name2} who sketched the {colour} {object} in the {room}.
           | Who did not sketch the {colour} {object}? | name | Who did sketch the {colour} {object}? | name2
           | Who did sketch the {colour} {object2}?
    dev    The {colour} {object} was a present from {name} to {name2}, who soon lost it.
           | Whose present was the {colour} {object}? | name | Who lost the {colour} {object}? | name2
           | Who lost the {colour} {object2}?
    dev    {name} claims the {colour} {object}, but it is really {name2}'s.
           | Who claims the {colour} {object}? | name
           | To whom does the {colour} {object} really belong? | name2
           | To whom does the {colour2} {object} really belong?
    dev    After {name} had dropped the {colour} {object}, {name2} picked it up.
           | Who dropped the {colour} {object}? | name | Who picked up the {colour} {object}? | name2
           | Who picked up the {colour2} {object}?
day
    train  {name} sold a {object} on {day}.
           | When did {name} sell the {object}? | day | When did {name} sell the {object2}?
    train  On {day}, {name} cleaned a {object}.
           | On which day did {name} clean the {object}? | day | On which day did {name2} clean the {object}?
    train  {name} took the {object} to {city} on {day}.
           | On which day did {name} take the {object} to {city}? | day
           | On which day did {name2} take the {object} to {city}?
    train  {name} bought the {object} on {day} and sold it on {day2}.
           | When did {name} buy the {object}? | day | When did {name} sell the {object}? | day2
           | When did {name} repair the {object}?
    train  {name} ordered a {object}, which came on {day}. {name2} came on {day2} to see it.
           | On which day did {name}'s {object} come? | day | On which day did {name2} come to see the {object}? | day2
           | On which day did {name}'s {object2} come?
    train  {name} cleaned the {object} on {day}. On {day2}, {name2} made it dirty again.
           | When did {name} clean the {object}? | day | When did {name2} make the {object} dirty? | day2
           | When did {name2} clean the {object}?
    train  {name} bought the {object} on {day} and the {object2} on {day2}.
           | When did {name} buy the {object}? | day | When did {name} buy the {object2}? | day2
           | When did {name} buy the {object3}?
    train  On {day} {name} found a {object}, and on {day2} {name2} found another one.
           | On which day did {name} find a {object}? | day | On which day did {name2} find a {object}? | day2
           | On which day did {name2} find a {object2}?
    train  {name} cleaned {name.his} {object} on {day}, {name2} cleaned {name2.his} {object2} on {day2}.
           | On which day did {name} clean {name.his} {object}? | day
           | On which day did {name2} clean {name2.his} {object2}? | day2
           | On which day did {name2} clean {name2.his} {object3}?
    train  The {object} that {name} sold on {day} was brought back on {day2}.
           | When did {name} sell the {object}? | day | When was the {object} that {name} sold brought back? | day2
           | When was the {object2} that {name} sold brought back?
    dev    The {object} of {name} broke on {day}.
           | Which day did the {object} of {name} break? | day | Which day did the {object} of {name2} break?
    dev    {name} meant to return the {object} on {day}, but {name.he} could not do so until {day2}.
           | What day was it when {name} meant to return the {object}? | day
           | What day was it when {name} really returned the {object}? | day2
           | What day was it when {name} borrowed the {object}?
    dev    On {day}, {name} lost a {object} in {city}. {name2} found it there on {day2}.
           | Which day did {name} lose the {object}? | day | Which day did {name2} find the {object}? | day2
           | Which day did {name} lose the {object2}?
    dev    {name} returned the {object} on {day}, the {object2} not before {day2}.
           | What day did {name} return the {object}? | day | What day did {name} return the {object2}? | day2
           | What day did {name} return the {object3}?
    dev    It was {day} when {name}'s {object} broke, and {day2} when {name2}'s did.
           | Which day did {name}'s {object} break? | day | Which day did {name2}'s {object} break? | day2
           | Which day did {name2}'s {object2} break?
number
    train  {name} bought {number} {object.pl}.
           | How many {object.pl} did {name} buy? | number | How many {object2.pl} did {name} buy?
    train  In the {room}, {name} has {number} {object.pl}.
           | How many {object.pl} does {name} have? | number | How many {object2.pl} does {name} have?
    train  {name} lost {number} {object.pl} in {city}.
           | How many {object.pl} did {name} lose? | number | How many {object.pl} did {name2} lose?
    train  {name} bought {number} {object.pl} and {number2} {object2.pl}. {name2} waited outside.
           | How many {object.pl} did {name} buy? | number | How many {object2.pl} did {name} buy? | number2
           | How many {object.pl} did {name2} buy?
    train  {name} had {many} {object.pl}, but {few} of them were stolen in {city}.
           | How many {object.pl} did {name} have? | many | How many of {name}'s {object.pl} were stolen? | few
           | How many of {name}'s {object2.pl} were stolen?
    train  {name} counted {number} {object.pl}. {name2} counted again and came to {number2}.
           | How many {object.pl} did {name} count? | number | How many {object.pl} did {name2} count? | number2
           | How many {object2.pl} did {name2} count?
    train  Of the {many} {object.pl} in the {room}, {few} belong to {name}.
           | How many {object.pl} are in the {room}? | many | How many {object.pl} belong to {name}? | few
           | How many {object2.pl} belong to {name}?
    train  {name} lost {number} {object.pl}, and {name2} lost {number2}.
           | How many {object.pl} did {name} lose? | number | How many {object.pl} did {name2} lose? | number2
           | How many {object2.pl} did {name2} lose?
    train  There are {number} {object.pl} that belong to {name} and {number2} that belong to {name2}.
           | How many {object.pl} belong to {name}? | number | How many {object.pl} belong to {name2}? | number2
           | How many {object2.pl} belong to {name2}?
    train  {name} painted {number} {object.pl} on {day} and {number2} on {day2}.
           | How many {object.pl} did {name} paint on {day}? | number
           | How many {object.pl} did {name} paint on {day2}? | number2
           | How many {object.pl} did {name} paint on {day3}?
    dev    {name} needs {number} {object.pl}.
           | What number of {object.pl} does {name} need? | number | What number of {object2.pl} does {name} need?
    dev    {name} sold {number} {object.pl} in {month} and {number2} in {month2}.
           | What number of {object.pl} did {name} sell in {month}? | number
           | What number of {object.pl} did {name} sell in {month2}? | number2
           | What number of {object.pl} did {name} sell in {month3}?
    dev    {name2} needs {number} {object.pl}, and {name}, who makes them, has {number2} ready.
           | What number of {object.pl} does {name2} need? | number
           | What number of {object.pl} does {name} have ready? | number2
           | What number of {object2.pl} does {name2} need?
    dev    The {object.pl} of {name}, {many} in all, are for sale, and {few} of them are new.
           | What number of {object.pl} does {name} offer for sale? | many
           | What number of {name}'s {object.pl} are new? | few
           | What number of {name}'s {object2.pl} are new?
    dev    Where {name} sold {number} {object.pl}, {name2} sold {number2}.
           | What number of {object.pl} did {name} sell? | number
           | What number of {object.pl} did {name2} sell? | number2
           | What number of {object2.pl} did {name2} sell?
city
    train  {name} bought a {object} in {city}.
           | In which city did {name} buy the {object}? | city | In which city did {name} buy the {object2}?
    train  {name}'s {object} is in {city}.
           | In which city is {name}'s {object}? | city | In which city is {name2}'s {object}?
    train  In {city}, {name} sold a {colour} {object}.
           | Where did {name} sell the {object}? | city | Where did {name2} sell the {object}?
    train  {name} bought {name.his} {object} in {city} and {name.his} {object2} in {city2}.
           | In which city did {name} buy the {object}? | city | In which city did {name} buy the {object2}? | city2
           | In which city did {name} buy the {object3}?
    train  {name} took a {object} from {city} to {city2}, where {name2} was waiting.
           | From which city did {name} take the {object}? | city | To which city did {name} take the {object}? | city2
           | To which city did {name2} take the {object}?
    train  {name}, who lives in {city}, owns a {object} that was made in {city2}.
           | In which city does {name} live? | city | In which city was {name}'s {object} made? | city2
           | In which city was {name}'s {object2} made?
    train  {name} sold the {object} in {city}, and {name2} sold the {object2} in {city2}.
           | Where did {name} sell the {object}? | city | Where did {name2} sell the {object2}? | city2
           | Where did {name2} sell the {object3}?
    train  Two {object.pl} were sent away, {name}'s to {city} and {name2}'s to {city2}.
           | Where was the {object} of {name} sent? | city | Where was the {object} of {name2} sent? | city2
           | Where was the {object2} of {name2} sent?
    train  The {object} of {name} is in {city} today; last year it was in {city2}.
           | In which city is {name}'s {object} today? | city | In which city was {name}'s {object} last year? | city2
           | In which city was {name}'s {object2} last year?
    train  From {city} came the {object} of {name}, from {city2} that of {name2}.
           | From which city did {name}'s {object} come? | city | From which city did {name2}'s {object} come? | city2
           | From which city did {name2}'s {object2} come?
    dev    In {city}, {name} lost a {object}.
           | What city did {name} lose the {object} in? | city | What city did {name} lose the {object2} in?
    dev    {name} flew from {city} to {city2} with a {object} for {name2}.
           | What city did {name} leave with the {object}? | city | What city did {name} bring the {object} to? | city2
           | What city did {name} bring the {object2} to?
    dev    {name} found the {object} of {name2} not in {city}, as the papers wrote, but in {city2}.
           | What city did the papers name as the place where {name} found the {object}? | city
           | What city was it where {name} really found the {object}? | city2
           | What city was it where {name} really found the {object2}?
    dev    {name} lost the {object} in {city} a week after {name2} had lost the {object2} in {city2}.
           | What city did {name} lose the {object} in? | city | What city did {name2} lose the {object2} in? | city2
           | What city did {name2} lose the {object3} in?
    dev    The {object} that {name} has comes from {city}; {city2} is where {name.his} {object2} comes from.
           | What city does the {object} of {name} come from? | city
           | What city does the {object2} of {name} come from? | city2
           | What city does the {object3} of {name} come from?
""",
    story,
)

DISTRACTORS = {
    kind.name: kind
    for kind in phenomena("""
colour
    train  {name}'s {object} is {colour}.
    train  {name} has a {colour} {object}.
    train  The {object} that {name} carries is {colour}.
    dev    The colour of {name}'s {object} is {colour}.
    dev    {name} never goes out without {name.his} {colour} {object}.
    dev    {name} owns a {object}, a {colour} one.
material
    train  {name}'s {ware} is made of {material}.
    train  {name} has a {ware} of {material}.
    train  The {ware} that {name} sold was made of {material}.
    dev    {name} dreams of a {ware} of {material}.
    dev    {material} is what the {ware} of {name} is made of.
    dev    {name} owns a {ware} that consists of {material}.
room
    train  {name} left the {object} in the {room}.
    train  The {object} that {name} bought is in the {room}.
    train  {name} took a {object} to the {room}.
    dev    {name} stores a {object} in the {room}.
    dev    A {object} that belongs to {name} lies in the {room}.
    dev    In the {room}, {name} came across a {object}.
name
    train  {name} has a {colour} {object}.
    train  A {colour} {object} belongs to {name}.
    train  {name} brought a {colour} {object} from the {room}.
    dev    {name} is proud of a {colour} {object}.
    dev    There is a {colour} {object} on which {name} has written a name.
    dev    {name} was seen in the {room} with a {colour} {object}.
day
    train  {name} sold a {object} on {day}.
    train  On {day}, {name} cleaned a {object}.
    train  {name} bought a {object} on {day}.
    dev    {name} lost a {object} on {day}.
    dev    The {object} of {name} broke on {day}.
    dev    On {day}, {name} returned a {object}.
number
    train  {name} bought {number} {object.pl}.
    train  {name} counted {number} {object.pl}.
    train  In the {room}, {name} has {number} {object.pl}.
    dev    {name} sold {number} {object.pl}.
    dev    The {object.pl} of {name}, {number} in all, are for sale.
    dev    {name} needs {number} {object.pl}.
city
    train  {name} bought a {object} in {city}.
    train  {name} took a {object} to {city}.
    train  The {object} of {name} was made in {city}.
    dev    In {city}, {name} lost a {object}.
    dev    {name} has a {object} from {city}.
    dev    {name} found a {object} in {city}.
""")
}

OPENINGS = {
    "train": (
        "This is what the {person} remembers.",
        "The {person} wrote this down.",
        "The {person} said the following.",
    ),
    "dev": ("Listen to what the {person} tells us.", "According to the {person}, this happened."),
}


def answerable(story: Story, draw: Draw, split: str) -> list[Row]:
    """The facts with each question that they answer (v1); `place` makes a paragraph of them."""
    opening = draw.choice(OPENINGS[split])
    questions = [question for question, _ in story.questions]
    bound = bind([opening, story.facts, *questions, story.impossible], draw, split)
    row = {"opening": fill(opening, bound), "facts": fill(story.facts, bound), "bound": bound}
    return [
        row | {"asked": question, "question": fill(question, bound), "answer": bound[slot][""]}
        for question, slot in story.questions
    ]


def answerable_or_not(story: Story, draw: Draw, split: str) -> list[Row]:
    """The facts with one question that they answer and, as a second row, one that they do not answer (v2)."""
    row = draw.choice(answerable(story, draw, split))
    return [row, row | {"asked": story.impossible, "question": fill(story.impossible, row["bound"]), "answer": None}]


def place(row: Row, draw: Draw, split: str, level: int) -> Row:
    """Columns of SQuAD for a row: the paragraph with `level` distractors, before and after the facts."""
    before, after = [row["opening"]], [row["facts"]]
    used = {word[""] for word in row["bound"].values()}
    for _ in range(level):
        draw.choice((before, after)).append(distractor(row, draw, split, used))
    lead = " ".join(before) + " "
    found = [row["answer"]] if row["answer"] else []
    starts = [len(lead) + re.search(rf"\b{answer}\b", row["facts"]).start() for answer in found]
    return {
        "title": row["phenomenon"],
        "context": lead + " ".join(after),
        "question": row["question"],
        "answers": {"text": found, "answer_start": starts},
    }


def distractor(row: Row, draw: Draw, split: str, used: set[str]) -> str:
    """A fact of the kind that is asked for, about other things; its names and things are added to `used`.

    It may share one word with the question, but only if it differs from it in another ("Anna's bag", "Ben's bag").
    """
    template = draw.choice(DISTRACTORS[row["phenomenon"]].templates(split))
    asked = {name: row["bound"][name + index] for name, index, _ in SLOT.findall(row["asked"])}
    sharable = [name for name, _, _ in SLOT.findall(template) if name in asked]
    shared: dict[str, Word] = {}
    if len(sharable) > 1 and draw.below(2):
        name = draw.choice(sharable)
        shared = {name: asked[name]}
    bound = bind([template], draw, split, shared, used)
    used |= {bound[name][""] for name in ("name", "object", "ware") if name in bound}
    return fill(template, bound)
