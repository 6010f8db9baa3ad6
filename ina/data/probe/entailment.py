"""RTE's and MNLI's task: does the first text entail the second?

A template is `premise | entailed | neutral | contradicted`, all made of the same words as far as English allows:
swapped roles, verbs that do or do not vouch for their complement, quantifiers, numbers, order in time and space. A
phenomenon has premises of both polarities, so that a "not" in the second text says nothing by itself.
"""

from typing import NamedTuple

from ina.data.probe.template import Draw, Row, about_something_else, bind, fill, phenomena


class Triple(NamedTuple):
    """A premise and one hypothesis of each of MNLI's classes, in the order of their ids."""

    premise: str
    entailed: str
    neutral: str
    contradicted: str


PHENOMENA = phenomena(
    """
active and passive
    train  The {person} {admire.past} the {person2} in {city}.
           | In {city}, the {person2} was {admire.part} by the {person}.
           | In {city}, the {person} was {admire.part} by the {person2}.
           | The {person} never {admire.past} the {person2}.
    train  The {person} never {admire.past} the {person2}. | The {person2} was never {admire.part} by the {person}.
           | The {person} was never {admire.part} by the {person2}.
           | In {city}, the {person} {admire.past} the {person2}.
    dev    It was {name} who {admire.past} the {person} on {day}. | On {day}, the {person} was {admire.part} by {name}.
           | On {day}, the {person} {admire.past} {name}. | Nobody {admire.past} the {person} on {day}.
    dev    Nobody {admire.past} {name} on {day}. | {name} was not {admire.part} by the {person} on {day}.
           | The {person} was not {admire.part} by {name} on {day}. | It was {name} who was {admire.part} on {day}.
verbs that vouch for their complement
    train  {name} {know.past} that the {person} had {buy.part} the {object}. | The {person} had {buy.part} the {object}.
           | {name} had {buy.part} the {object}. | The {person} had not {buy.part} the {object}.
    train  {name} did not {know} that the {person} had {buy.part} the {object}.
           | The {person} had {buy.part} the {object}.
           | The {person} did not {know} that {name} had {buy.part} the {object}.
           | The {person} had not {buy.part} the {object}.
    train  {name} {know.past} that the {person} had not {buy.part} the {object}.
           | The {person} had not {buy.part} the {object}. | {name} had not {buy.part} the {object}.
           | The {person} had {buy.part} the {object}.
    train  {name} {think.past} that the {person} had {buy.part} the {object}.
           | According to {name}, the {person} had {buy.part} the {object}. | The {person} had {buy.part} the {object}.
           | {name} {think.past} that nobody had {buy.part} the {object}.
    dev    It surprised {name} that the {person} {laugh.past} in {city}. | The {person} {laugh.past} in {city}.
           | {name} {laugh.past} in {city}. | The {person} did not {laugh} in {city}.
    dev    It surprised {name} that the {person} did not {laugh} in {city}. | The {person} did not {laugh} in {city}.
           | {name} did not {laugh} in {city}. | The {person} {laugh.past} in {city}.
    dev    {name} is convinced that the {person} {laugh.past} in {city}. | {name} has a view on the {person}.
           | The {person} {laugh.past} in {city}. | {name} is sure that nobody {laugh.past} in {city}.
    dev    {name} was not told that the {person} {laugh.past} in {city}.
           | Nobody told {name} that the {person} {laugh.past} in {city}.
           | {name} did not want the {person} to {laugh} in {city}.
           | It was no news to {name}, who had been told, that the {person} {laugh.past} in {city}.
done or only tried
    train  {name} managed to {repair} the {object}. | {name} {repair.past} the {object}.
           | {name} {repair.past} the {object} in {city}.
           | {name} did not {repair} the {object}.
    train  {name} failed to {repair} the {object}. | {name} did not {repair} the {object}.
           | {name} did not {repair} the {object2}. | {name} {repair.past} the {object}.
    train  {name} tried to {repair} the {object}. | {name} made an attempt to {repair} the {object}.
           | {name} {repair.past} the {object}. | {name} did not even try to {repair} the {object}.
    dev    The {person} remembered to {clean} the {object} before {day}.
           | The {person} {clean.past} the {object} before {day}.
           | The {person} {clean.past} the {object} in the {room}.
           | The {person} did not {clean} the {object} before {day}.
    dev    The {person} forgot to {clean} the {object} before {day}.
           | The {person} did not {clean} the {object} before {day}.
           | The {person} did not {clean} the {object} after {day}.
           | The {person} {clean.past} the {object} before {day}.
    dev    The {person} promised to {clean} the {object} before {day}. | The {person} made a promise about the {object}.
           | The {person} {clean.past} the {object} before {day}. | The {person} did not promise anything.
all, some and none
    train  All the {kind.ups} in the {building} are {trait}. | All the {kind.pl} in the {building} are {trait}.
           | All the {kind.pl} in {city} are {trait}. | Some of the {kind.pl} in the {building} are not {trait}.
    train  All the {kind.pl} in the {building} are {trait}. | All the {trait2} {kind.pl} in the {building} are {trait}.
           | All the {kind.ups} in the {building} are {trait}.
           | Some of the {kind.pl} in the {building} are not {trait}.
    train  Some of the {kind.pl} in {city} are {trait}. | Some of the {kind.ups} in {city} are {trait}.
           | All the {kind.pl} in {city} are {trait}. | None of the {kind.pl} in {city} are {trait}.
    train  None of the {kind.ups} in {city} are {trait}. | None of the {kind.pl} in {city} are {trait}.
           | None of the {kind.ups} in {city2} are {trait}. | Some of the {kind.pl} in {city} are {trait}.
    dev    Every {kind.up} that {name} saw was {colour}. | Every {kind} that {name} saw was {colour}.
           | Every {kind} that {name2} saw was {colour}.
           | There was a {kind.up} that {name} saw and that was not {colour}.
    dev    Every {kind} that {name} saw was {colour}. | Every {kind} that {name} saw in {city} was {colour}.
           | Every {kind.up} that {name} saw was {colour}.
           | There was a {kind} that {name} saw and that was not {colour}.
    dev    No {kind} that {name} saw was {colour}. | No {kind} that {name} saw in {city} was {colour}.
           | No {kind.up} that {name} saw was {colour}. | There was a {kind} that {name} saw and that was {colour}.
numbers
    train  {name} {buy.past} {many} {object.pl} in {city}. | {name} {buy.past} more than {few} {object.pl} in {city}.
           | {name} {buy.past} more than {few} {object2.pl} in {city}.
           | {name} {buy.past} fewer than {few} {object.pl} in {city}.
    train  {name} {buy.past} exactly {few} {object.pl} in {city}.
           | {name} {buy.past} fewer than {many} {object.pl} in {city}.
           | {name} {buy.past} fewer than {many} {object2.pl} in {city}.
           | {name} {buy.past} more than {many} {object.pl} in {city}.
    dev    At least {many} {person.pl} came to the {building}.
           | The number of {person.pl} who came to the {building} was above {few}.
           | The number of {person2.pl} who came to the {building} was above {few}.
           | The number of {person.pl} who came to the {building} was below {few}.
    dev    At most {few} {person.pl} came to the {building}.
           | The number of {person.pl} who came to the {building} was below {many}.
           | The number of {person2.pl} who came to the {building} was below {many}.
           | The number of {person.pl} who came to the {building} was above {many}.
order in time
    train  The {person} arrived in {city} before the {person2}. | The {person2} arrived in {city} after the {person}.
           | The {person2} left {city} after the {person}. | The {person2} arrived in {city} before the {person}.
    train  The {person} left {city} after the {person2}. | The {person2} left {city} before the {person}.
           | The {person2} arrived in {city} before the {person}. | The {person2} left {city} after the {person}.
    dev    {name} {laugh.past} and only then {clean.past} the {object}.
           | {name} {laugh.past} before {name.he} {clean.past} the {object}.
           | {name} {laugh.past} before {name2} {clean.past} the {object}.
           | {name} {laugh.past} after {name.he} {clean.past} the {object}.
    dev    When {name} {laugh.past}, {name.he} had already {clean.part} the {object}.
           | {name} {laugh.past} after {name.he} {clean.past} the {object}.
           | {name} {laugh.past} after {name2} {clean.past} the {object}.
           | {name} {laugh.past} before {name.he} {clean.past} the {object}.
order in space
    train  The {object} is to the left of the {object2}. | The {object2} is to the right of the {object}.
           | The {object2} is to the left of the {object3}. | The {object2} is to the left of the {object}.
    train  The {object} is to the right of the {object2}. | The {object2} is to the left of the {object}.
           | The {object2} is to the right of the {object3}. | The {object2} is to the right of the {object}.
    train  The {object} is in the {container}, and the {container} is in the {room}. | The {object} is in the {room}.
           | The {object2} is in the {room}. | The {container} is empty.
    dev    The {building} is north of the {building2}. | The {building2} is south of the {building}.
           | The {building2} is north of the {building3}. | The {building2} is north of the {building}.
    dev    The {building} is south of the {building2}. | The {building2} is north of the {building}.
           | The {building2} is south of the {building3}. | The {building2} is south of the {building}.
more and less
    train  {name} is {tall.comparative} than {name2}, and {name2} is {tall.comparative} than {name3}.
           | {name} is {tall.comparative} than {name3}. | {name} is {tall.comparative} than the {person}.
           | {name3} is {tall.comparative} than {name}.
    train  {name} is as {tall} as {name2}, and {name2} is {tall.comparative} than {name3}.
           | {name3} is less {tall} than {name}. | {name3} is less {tall} than the {person}.
           | {name} is less {tall} than {name3}.
    dev    Of all the {object.pl} in the {room}, the {colour} one costs most and the {colour2} one least.
           | In the {room}, the {colour} {object} costs more than the {colour2} one.
           | In the {room}, the {colour2} {object} costs more than the {object2}.
           | In the {room}, the {colour2} {object} costs more than the {colour} one.
    dev    The {colour} {object} cost half of what {name} paid for the {colour2} one.
           | The {colour2} {object} cost more than the {colour} one.
           | {name} paid more for the {colour} {object} than the {person}.
           | The {colour} {object} cost more than the {colour2} one.
and, or, neither
    train  The {person} and {name} {laugh.past} in {city}. | {name} {laugh.past} in {city}.
           | {name2} {laugh.past} in {city}.
           | The {person} did not {laugh} in {city}.
    train  Neither the {person} nor {name} {laugh.past} in {city}. | {name} did not {laugh} in {city}.
           | {name2} did not {laugh} in {city}. | The {person} {laugh.past} in {city}.
    train  The {person} {laugh.past} in {city}, or {name} did. | It is not the case that nobody {laugh.past} in {city}.
           | {name} {laugh.past} in {city}. | Neither {name} nor the {person} {laugh.past} in {city}.
    dev    {name} {buy.past} both the {object} and the {object2}. | {name} {buy.past} the {object2}.
           | {name} {buy.past} the {object3}.
           | {name} did not {buy} the {object}.
    dev    {name} wanted to {clean} the {object} and the {object2}, but managed only the {object}.
           | {name} did not {clean} the {object2}.
           | {name} did not {clean} the {object3}. | {name} did not {clean} the {object}.
    dev    It is either the {object} or the {object2} that {name} {buy.past}. | {name} {buy.past} something.
           | {name} {buy.past} the {object2}. | {name} {buy.past} neither the {object} nor the {object2}.
relative clauses
    train  The {person} who {admire.past} the {person2} {laugh.past}. | The {person} {laugh.past}.
           | The {person2} {laugh.past}.
           | The {person} did not {laugh}.
    train  The {person} who {admire.past} the {person2} did not {laugh}. | The {person} did not {laugh}.
           | The {person2} did not {laugh}. | The {person} {laugh.past}.
    dev    The {person}, whose {brother} is {bob}, {buy.past} the {object}. | The {person} {buy.past} the {object}.
           | {bob} {buy.past} the {object}. | The {person} did not {buy} the {object}.
    dev    The {person}, whose {brother} is {bob}, did not {buy} the {object}.
           | The {person} did not {buy} the {object}.
           | {bob} did not {buy} the {object}. | The {person} {buy.past} the {object}.
if, because, although
    train  If {name} comes to {city}, the {person} will {laugh}.
           | Should {name} come to {city}, the {person} will {laugh}.
           | The {person} will {laugh}. | The {person} will not {laugh}, even if {name} comes to {city}.
    train  Because {name} came to {city}, the {person} {laugh.past}. | The {person} {laugh.past}. | {name} {laugh.past}.
           | {name} did not come to {city}.
    train  Although {name} did not come to {city}, the {person} {laugh.past}. | {name} did not come to {city}.
           | {name} did not {laugh}. | The {person} did not {laugh}.
    dev    Unless the {person} pays, {name} will not {repair} the {object}.
           | {name} will not {repair} the {object} if the {person} does not pay.
           | {name} will not {repair} the {object}.
           | {name} will {repair} the {object} even if the {person} does not pay.
    dev    Since the {person} paid, {name} {repair.past} the {object}. | {name} {repair.past} the {object}.
           | The {person} {repair.past} a {object2}.
           | The {person} did not pay.
possible and real
    train  {name} may have {repair.part} the {object}. | It is possible that {name} {repair.past} the {object}.
           | {name} {repair.past} the {object}.
           | {name} cannot have {repair.part} the {object}.
    train  {name} could have {repair.part} the {object}, but chose not to. | {name} did not {repair} the {object}.
           | {name} did not {repair} the {object2}. | {name} {repair.past} the {object}.
    train  {name} had to {repair} the {object}, and so {name.he} did. | {name} {repair.past} the {object}.
           | {name} had to {repair} the {object2}.
           | {name} did not {repair} the {object}.
    dev    It is not certain that the {person} {laugh.past} in {city}. | Perhaps the {person} did not {laugh} in {city}.
           | The {person} did not {laugh} in {city}. | It is beyond doubt that the {person} {laugh.past} in {city}.
    dev    The {person} would have {laugh.part} in {city} but for {name}. | The {person} did not {laugh} in {city}.
           | {name} did not {laugh} in {city}. | The {person} {laugh.past} in {city} thanks to {name}.
only and except
    train  All the {person.pl} except {name} {laugh.past}. | {name} did not {laugh}. | {name2} did not {laugh}.
           | {name} {laugh.past} like the other {person.pl}.
    train  Only one of the {person.pl}, {name}, {laugh.past}. | {name} {laugh.past}. | {name2} {laugh.past}.
           | {name} did not {laugh}.
    dev    Among the {person.pl}, {name} was the only one who did not {repair} a {object}.
           | {name} did not {repair} a {object}.
           | {name2} did not {repair} a {object}. | {name} {repair.past} a {object}.
    dev    No {person} but {name} {repair.past} a {object}. | {name} {repair.past} a {object}.
           | {name2} {repair.past} a {object}.
           | {name} did not {repair} a {object}.
no longer and still
    train  The {person} no longer lives in {city}. | The {person} used to live in {city}.
           | The {person} used to live in {city2}.
           | The {person} still lives in {city}.
    train  The {person} still lives in {city}. | The {person} has not left {city} for good.
           | The {person} has never been to {city2}.
           | The {person} no longer lives in {city}.
    dev    {name} has stopped working at the {building}. | {name} once worked at the {building}.
           | {name} once worked at the {building2}.
           | {name} has never worked at the {building}.
    dev    {name} has not stopped working at the {building}. | {name} works at the {building}.
           | {name} works at the {building2}, too.
           | {name} no longer works at the {building}.
""",
    lambda text: Triple(*text.split(" | ")),
)

ASIDES = {
    "train": (
        "The {building8} in {city8} was {colour8} at that time.",
        "{name8} has told the story to {name9} in {city8}.",
    ),
    "dev": (
        "All this happened near a {building8} in {city8}.",
        "The {person8} from {city8} wrote about it in {month8}.",
    ),
}


def triples(triple: Triple, draw: Draw, split: str) -> list[Row]:
    """MNLI: one premise with a hypothesis of each class."""
    bound = bind(triple, draw, split)
    premise, *hypotheses = (fill(text, bound) for text in triple)
    return [{"premise": premise, "hypothesis": text, "label": label} for label, text in enumerate(hypotheses)]


def pairs(triple: Triple, draw: Draw, split: str) -> list[Row]:
    """RTE: a premise, with a sentence that does not matter, a hypothesis that it entails and one that it does not.

    The one that it does not is the neutral or the contradicted one, or the entailed one, said of something else.
    """
    aside = draw.choice(ASIDES[split])
    bound = bind([*triple, aside], draw, split)
    premise = " ".join(draw.shuffled([fill(triple.premise, bound), fill(aside, bound)]))
    wrong = (draw.choice((triple.neutral, triple.contradicted)), bound)
    if draw.below(2):
        wrong = (triple.entailed, about_something_else((triple.premise, triple.entailed), bound, draw, split))
    hypotheses = fill(triple.entailed, bound), fill(*wrong)
    return [{"sentence1": premise, "sentence2": text, "label": label} for label, text in enumerate(hypotheses)]
