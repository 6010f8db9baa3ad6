"""MRPC's and QQP's task: do these two say, or ask, the same?

A frame is a set of ways to say one thing, `... | ... | ...`, headed by what changes the meaning but hardly the words:
`person<>person2` swaps two words, `city>city2` puts the second for the first. Two ways with the same words are a
paraphrase, two ways of which one has changed are none; both are drawn from the same sentences, so words alone do
not give the label away.
"""

from typing import NamedTuple

from ina.data.probe.inflection import Word
from ina.data.probe.template import Draw, Row, bind, fill, phenomena


class Frame(NamedTuple):
    """Ways to say the same, and the changes (swap or not, slot, other slot) that together make it something else."""

    ways: list[str]
    changes: list[tuple[bool, str, str]]

    @property
    def swaps(self) -> bool:
        return any(swap for swap, _, _ in self.changes)

    def changed(self, bound: dict[str, Word]) -> dict[str, Word]:
        bound = dict(bound)
        for swap, slot, other in self.changes:
            bound[slot], bound[other] = bound[other], bound[slot] if swap else bound[other]
        return bound


def frame(text: str) -> Frame:
    """Reads `change change | way | way`."""
    head, *ways = text.split(" | ")
    changes = [("<" in change, *change.replace("<", "").split(">")) for change in head.split()]
    return Frame(ways, changes)


STATEMENTS = phenomena(
    """
active and passive
    train  person<>person2 | The {person} {admire.past} the {person2} in {city}.
           | In {city}, the {person2} was {admire.part} by the {person}.
           | It was in {city} that the {person} {admire.past} the {person2}.
    train  name<>name2 | {name} has {admire.part} {name2}, the {person} said on {day}.
           | The {person} said on {day} that {name2} had been {admire.part} by {name}.
           | On {day}, the {person} said that {name} had {admire.part} {name2}.
    dev    person<>person2 | Reports from {city} say that a {person} {admire.past} the {mood} {person2}.
           | A {person}, according to reports from {city}, {admire.past} the {mood} {person2}.
           | The {mood} {person2} was {admire.part} by a {person}, reports from {city} say.
clefts
    train  name<>name2 | It was {name} who {admire.past} {name2} at the {building}.
           | At the {building}, {name} {admire.past} {name2}.
           | The one who {admire.past} {name2} at the {building} was {name}.
    train  person<>person2 | The one that the {person} {admire.past} {past} was the {person2}.
           | It was the {person2} that the {person} {admire.past} {past}.
           | {past}, the {person} {admire.past} the {person2}.
    dev    name<>name2 | The person whom {name} {admire.past} in {month} was {name2}.
           | {name2} was the person {name} {admire.past} in {month}.
           | In {month}, it was {name2} whom {name} {admire.past}.
who gives to whom
    train  name<>name2 | {name} {give.past} {name2} a {state} {object}.
           | {name} {give.past} a {state} {object} to {name2}.
           | {name2} was {give.part} a {state} {object} by {name}.
    train  name<>name2 | On {day}, {name2} {give.past} {name} the {object} from {city}.
           | The {object} from {city} was {give.part} to {name} by {name2} on {day}.
           | {name2} {give.past} the {object} from {city} to {name} on {day}.
    dev    name<>name2 | A {object} and two {object2.pl} were {give.part} to {name2} by {name}.
           | What {name} {give.past} {name2} was a {object} and two {object2.pl}.
           | {name} {give.past} a {object} and two {object2.pl} to {name2}.
trade and loan
    train  person<>person2 | The {person} bought the {state} {object} from the {person2} {past}.
           | The {person2} sold the {state} {object} to the {person} {past}.
           | {past}, the {person2} sold the {person} the {state} {object}.
    train  name<>name2 | {name} borrowed {number} {object.pl} from {name2}.
           | {name2} lent {name} {number} {object.pl}.
           | {number} {object.pl} were lent to {name} by {name2}.
    dev    name<>name2 | {name} rents the {building} in {city} from {name2}.
           | {name2} lets the {building} in {city} to {name}.
           | The {building} in {city} belongs to {name2}, and {name} pays the rent.
win and lose
    train  name<>name2 | {name} beat {name2} in the final in {city}.
           | {name2} lost to {name} in the final in {city}.
           | In {city}, {name} won the final against {name2}.
    train  person<>person2 | The {person} works for the {person2} from {city}.
           | The {person2} from {city} employs the {person}.
           | The {person} is employed by the {person2} from {city}.
    dev    name<>name2 | {name} taught {name2} the trade of a {person}.
           | {name2} learned the trade of a {person} from {name}.
           | The trade of a {person} was taught to {name2} by {name}.
    dev    person<>person2 | The {person} owes the {person2} some {mass}.
           | The {person} is in debt to the {person2} for some {mass}.
           | The {person2} is still waiting for the {person} to pay for some {mass}.
comparison
    train  person<>person2 | The {person} is much {tall.comparative} than the {person2}.
           | The {person2} is much less {tall} than the {person}.
           | The {person2} is not nearly as {tall} as the {person}.
    train  object<>object2 | In {city}, the {object} cost more than the {object2}.
           | The {object2} was cheaper than the {object} in {city}.
           | The {object} was more expensive than the {object2} in {city}.
    dev    building<>building2 | The {building} in {city} is older than the {building2}.
           | The {building2} in {city} was built after the {building}.
           | In {city}, the {building} was there before the {building2}.
order in time
    train  person<>person2 | The {person} arrived in {city} before the {person2}.
           | The {person2} arrived in {city} after the {person}.
           | When the {person2} arrived in {city}, the {person} was already there.
    train  laugh<>laugh2 | {name} {laugh.past} first and {laugh2.past} later.
           | {name} {laugh.past} before {name.he} {laugh2.past}.
           | First {name} {laugh.past}, and then {name.he} {laugh2.past}.
    dev    building<>building2 | {name} visited the {building} and afterwards the {building2}.
           | {name}'s visit to the {building} was followed by one to the {building2}.
           | Before the {building2}, {name} visited the {building}.
who said it
    train  name<>name2 | {name} told the {person} that {name2} had {laugh.part}.
           | According to what {name} told the {person}, {name2} had {laugh.part}.
           | The {person} heard from {name} that {name2} had {laugh.part}.
    train  person<>person2 | The {person} denies that the {person2} {buy.past} the {object}.
           | It is not true, says the {person}, that the {person2} {buy.past} the {object}.
           | The {person} says that the {person2} never {buy.past} the {object}.
    dev    name<>name2 | {name} promised {name2} to look after the {animal}.
           | {name2} was promised by {name} that {name.he} would look after the {animal}.
           | A promise to look after the {animal} was made to {name2} by {name}.
relative clauses
    train  person<>person2 | The {person} who {admire.past} the {person2} {buy.past} the {object}.
           | The {object} was {buy.part} by the {person} who {admire.past} the {person2}.
           | It was the {person} who {admire.past} the {person2} that {buy.past} the {object}.
    train  mood<>mood2 | The {person}, who was {mood}, met a {mood2} {person2} in {city}.
           | In {city}, the {mood} {person} met a {person2} who was {mood2}.
           | A {mood2} {person2} was met in {city} by the {mood} {person}.
    dev    colour<>colour2 | The {person} with the {colour} {object} bought a {object2}, which was {colour2}.
           | A {colour2} {object2} was bought by the {person} who had the {colour} {object}.
           | The {person} whose {object} was {colour} bought a {object2} that was {colour2}.
numbers
    train  number>number2 | {name} {buy.past} {number} {object.pl} in {city}.
           | In {city}, {number} {object.pl} were {buy.part} by {name}.
           | The number of {object.pl} that {name} {buy.past} in {city} was {number}.
    train  number<>number2 | There were {number} {person.pl} and {number2} {person2.pl} at the {building}.
           | At the {building} were {number2} {person2.pl} and {number} {person.pl}.
           | The {building} was visited by {number} {person.pl} and by {number2} {person2.pl}.
    dev    number>number2 | The {person} waited at the {building} for {number} hours.
           | For {number} hours, the {person} was left waiting at the {building}.
           | The wait of the {person} at the {building} lasted {number} hours.
    dev    number<>number2 | The price of the {object} changed from {number} to {number2} dollars.
           | The {object}, which had cost {number} dollars, was priced at {number2}.
           | {number2} dollars, not {number} as before, was the new price of the {object}.
places and dates
    train  city<>city2 | The {person} left {city} for {city2} on {day}.
           | On {day}, the {person} set out from {city} to {city2}.
           | The {person} travelled to {city2} from {city} on {day}.
    train  day<>day2 | The {building} opens on {day} and closes on {day2}.
           | On {day2} the {building} closes, and on {day} it opens.
           | The opening of the {building} is on {day} and its closing on {day2}.
    dev    month>month2 | {name} will marry the {person} from {city} in {month}.
           | The wedding of {name} and the {person} from {city} is planned for {month}.
           | In {month}, {name} and the {person} from {city} will get married.
    dev    city<>city2 | {name} was born in {city} but grew up in {city2}.
           | {name} spent {name.his} childhood in {city2}, though {name.his} birthplace was {city}.
           | Born in {city}, {name} was raised in {city2}.
up and down
    train  rise>fall rise2>fall2 | The price of {goods} {rise.past} in {month}.
           | In {month}, {goods} prices {rise2.past}.
           | {goods} prices {rise2.past} in {month}.
    train  accept>reject accept2>reject2 | The {person} {accept.past} the plan of the {person2}.
           | The plan of the {person2} was {accept2.part} by the {person}.
           | What the {person2} planned was {accept2.part} by the {person}.
    dev    rise>fall rise2>fall2 | The number of visitors to the {building} {rise.past} in {month}.
           | In {month}, the {building} saw its number of visitors {rise2}.
           | Visitor numbers at the {building} {rise2.past} in {month}.
    dev    accept>reject accept2>reject2 | In {city}, {name}'s offer for the {building} was {accept.part}.
           | The offer that {name} made for the {building} in {city} was {accept2.part}.
           | They {accept2.past} the offer that {name} had made in {city} for the {building}.
all and some
    train  all>some all2>some2 | {all} {person.pl} from {city} {laugh.past} on {day}.
           | On {day}, {all2} {person.pl} from {city} {laugh.past}.
           | On {day} {all2} {person.pl} who are from {city} {laugh.past}.
    train  all>some all2>some2 | {name} {buy.past} {all} {object.pl} in the {room}.
           | In the {room}, {all2} {object.pl} were {buy.part} by {name}.
           | {all2} {object.pl} in the {room} were {buy.part} by {name}.
    dev    all>some all2>some2 | {all} {animal.pl} that {name} owns are {fur}.
           | {all2} {animal.pl} that belong to {name} are {fur}.
           | {fur} is the colour of {all2} {animal.pl} that {name} owns.
relations that hold both ways
    train  city>city2 | {name} met {name2} in {city} on {day}.
           | On {day}, {name2} met {name} in {city}.
           | {name2} and {name} met on {day} in {city}.
    train  person2>person3 | The {person} is married to the {person2} from {city}.
           | The {person2} from {city} and the {person} are husband and wife.
           | The {person2} from {city} is the one to whom the {person} is married.
    dev    building>building2 | The {person} and the {person2} both work in the {building} in {city}.
           | In the {building} in {city}, the {person2} is a colleague of the {person}.
           | The {person} is a colleague of the {person2} in the {building} in {city}.
    dev    season>season2 | In {season}, the {person} shared a flat with {name}.
           | {name} and the {person} lived in the same flat in {season}.
           | {name} shared a flat with the {person} in {season}.
""",
    frame,
)

QUESTIONS = phenomena(
    """
who does what to whom
    train  animal<>animal2 | Why are {animal.pl} afraid of {animal2.pl}?
           | What makes {animal.pl} fear {animal2.pl}?
           | What is it about {animal2.pl} that frightens {animal.pl}?
    train  person<>person2 | Does a {person} earn more than a {person2}?
           | Is a {person2} paid less than a {person}?
           | Do {person.pl} have a higher salary than {person2.pl}?
    dev    animal<>animal2 | Can a {animal} outrun a {animal2}?
           | Are {animal.pl} faster than {animal2.pl}?
           | Do {animal2.pl} run more slowly than {animal.pl}?
    dev    person<>person2 | When should a {person} call a {person2} for help?
           | In which case does a {person} need the help of a {person2}?
           | When should a {person2} be asked by a {person} for help?
from here to there
    train  city<>city2 | How long does the train from {city} to {city2} take?
           | How many hours is it by train to {city2} from {city}?
           | If I leave {city} by train, when do I arrive in {city2}?
    train  container<>container2 | How do I move {object.pl} from a {container} to a {container2}?
           | What is the best way of getting {object.pl} into a {container2} from a {container}?
           | Is there a good way to take {object.pl} out of a {container} and put them into a {container2}?
    dev    city<>city2 | What is the cheapest flight to {city2} from {city}?
           | How can I fly from {city} to {city2} for the lowest price?
           | Which airline has the lowest fares for someone in {city} who wants to go to {city2}?
change of job
    train  person<>person2 | How can a {person} become a {person2}?
           | What must someone who works as a {person} do to be a {person2}?
           | I want to be a {person2} but I am a {person}. How do I do it?
    dev    person<>person2 | Is it hard to retrain as a {person2} after years as a {person}?
           | After working as a {person} for years, is it difficult to train as a {person2}?
           | How difficult is it for a {person} to start a career as a {person2}?
which is better
    train  material<>material2 | Why is {material} more expensive than {material2}?
           | Why does {material2} cost less than {material}?
           | What makes {material} dearer than {material2}?
    train  city<>city2 | Is {city} a better place to live than {city2}?
           | Would you rather live in {city} than in {city2}?
           | Is life in {city2} worse than in {city}?
    dev    vehicle<>vehicle2 | Is a {vehicle} safer than a {vehicle2} in {season}?
           | In {season}, is a {vehicle2} more dangerous than a {vehicle}?
           | When it comes to {season}, is it better to trust a {vehicle} than a {vehicle2}?
    dev    building<>building2 | Should I visit the {building} in {city} before the {building2}?
           | In {city}, should the {building2} come after the {building} in my plans?
           | Is it best to leave the {building2} in {city} until I have seen the {building}?
made from what
    train  material<>material2 | How do you glue {material} onto {material2}?
           | What is the best way to attach {material} to a surface of {material2}?
           | How can a surface of {material2} be covered with {material}?
    dev    material<>material2 | Can I replace the {material} in my {ware} with {material2}?
           | My {ware} has parts of {material}. Could I use {material2} instead?
           | Is {material2} a good substitute for the {material} in my {ware}?
starting and stopping
    train  start>stop start2>stop2 | How do I {start} {laugh.ing} at work?
           | What is the best way to {start2} {laugh.ing} at work?
           | How can I {start2} {laugh.ing} when I am at work?
    train  acquire>sell acquire2>sell2 | Where can I {acquire} an old {object} in {city}?
           | In {city}, what is the best place to {acquire2} an old {object}?
           | I live in {city}. Where should I go to {acquire2} an old {object}?
    dev    start>stop start2>stop2 | When should a {person} {start} {laugh.ing}?
           | Is there a good time for a {person} to {start2} {laugh.ing}?
           | I am a {person}. When should I {start2} {laugh.ing}?
    dev    acquire>sell acquire2>sell2 | When is the best time to {acquire} a {vehicle}?
           | In which month should one {acquire2} a {vehicle}?
           | What time of the year is good for someone who has to {acquire2} a {vehicle}?
which thing
    train  ware>ware2 | How do I repair an old {ware} of {material}?
           | What is the best way to repair an old {ware} that is made of {material}?
           | My old {ware} of {material} is broken. How do I mend it?
    train  city>city2 | What is the best {building} in {city}?
           | Which {building} in {city} would you recommend?
           | I am in {city}. What {building} should I go to?
    dev    material>material2 | Which soap is best for cleaning {ware.pl} made of {material}?
           | How do I get {ware.pl} of {material} clean?
           | What should I use to wash a {ware} of {material}?
    dev    animal>animal2 | What do {animal.pl} eat in {season}?
           | In {season}, what is the food of a {animal}?
           | Which food should I give my {animal} in {season}?
why, how or where
    train  why>how | {why} did {name} {buy} the {state} {object}?
           | {why} was the {state} {object} {buy.part} by {name}?
           | Can you tell me {why} {name} {buy.past} the {state} {object}?
    train  where>why | {where} do {person.pl} usually {laugh} in {season}?
           | In {season}, {where} do {person.pl} usually {laugh}?
           | Can you tell me {where} {person.pl} usually {laugh} in {season}?
    dev    why>how | {why} should I {maintain} my {object} before {season}?
           | My {object} has to be {maintain.part} before {season}, but {why}?
           | Does anybody know {why} I should {maintain} my {object} before {season}?
    dev    how>where | {how} can one learn to {laugh} like a {person}?
           | Does anybody know {how} one can learn to {laugh} like a {person}?
           | If you want to {laugh} like a {person}, {how} can you learn it?
""",
    frame,
)


def pairs(frame: Frame, draw: Draw, split: str, columns: tuple[str, str]) -> list[Row]:
    """A paraphrase and, with the same first sentence, a near-paraphrase."""
    slots = "".join(f"{{{slot}}}{{{other}}}" for _, slot, other in frame.changes)
    bound = bind([slots, *frame.ways], draw, split)
    here, there = draw.shuffled((bound, frame.changed(bound)))
    first, second = draw.sample(frame.ways, 2)
    # One changed word makes the overlap smaller, two swapped ones do not. So that overlap says nothing, half of the
    # changed sentences keep their wording.
    other = second if frame.swaps or draw.below(2) else first
    texts = [fill(first, here), fill(second, here), fill(other, there)]
    return [{columns[0]: texts[0], columns[1]: texts[2 - label], "label": label} for label in (1, 0)]
