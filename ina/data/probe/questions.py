"""QNLI's task: does this sentence answer this question?

A template is `question | its sentence | another question | its sentence`. Each sentence answers its own question and
not the other one, though both speak of the same things and may hold an answer of the type that is asked for.
"""

from typing import NamedTuple

from ina.data.probe.template import Draw, Row, about_something_else, bind, fill, phenomena


class Exchange(NamedTuple):
    question: str
    sentence: str
    other_question: str
    other_sentence: str


PHENOMENA = phenomena(
    """
when or where
    train  When did {name} buy the {object}? | On {day}, {name} bought the {object} that had been made in {city}.
           | Where did {name} buy the {object}? | In {city}, {name} bought the {object} that had been lost on {day}.
    train  In which month was the {building} opened?
           | The {building}, which was opened in {month}, was the work of a {person} from {city}.
           | In which city was the {building} opened?
           | The {building}, which was opened in {city}, was closed in {month} by the {person}.
    dev    What day did the {person} get to the {building}?
           | The {person}, who had once lived in {city}, got to the {building} on {day}.
           | What city did the {person} get to the {building} from?
           | The {person}, who had been ill until {day}, got to the {building} from {city}.
who did it, and to whom
    train  Who {admire.past} the {person}? | {name} {admire.past} the {person} in {city}, and {name2} saw it.
           | Who did the {person} {admire}? | In {city}, the {person} {admire.past} {name}, and {name2} saw it.
    train  Who bought the {object} from the {person}? | The {person} sold the {object} from {city} to {name}.
           | Who sold the {object} to the {person}? | The {person} bought the {object} from {city} from {name}.
    dev    By whom was {name} {admire.part}? | On {day}, the {person} {admire.past} {name}, as {name2} had done before.
           | Whom did {name} {admire}? | On {day}, {name} {admire.past} the {person}, as {name2} had done before.
    dev    Who was given the {object} by {name}? | It was {name2} who got the {object} from {name} in {city}.
           | Who gave {name} the {object}? | It was from {name2} that {name} got the {object} in {city}.
there and back
    train  When did the {person} leave {city}? | The {person} left {city} on {day} for a journey with {name}.
           | When did the {person} come back to {city}?
           | The {person} came back to {city} on {day} from a journey with {name}.
    train  What did {name} buy in {city}? | In {city}, {name} bought the {object} that {name2} had wanted to sell.
           | What did {name} sell in {city}? | In {city}, {name} sold the {object} that {name2} had wanted to buy.
    dev    Where was {name} born? | {name} was born in {city}, but the family soon moved away.
           | Where did {name} grow up? | Born on a {day}, {name} grew up in {city}.
why and how
    train  Why did {name} {laugh}? | {name} {laugh.past} because the {person} had {clean.part} the {object}.
           | Why did the {person} {clean} the {object}?
           | The {person} {clean.past} the {object} because {name} {laugh.past}.
    train  How did the {person} travel to {city}?
           | By {vehicle}, the {person} travelled to {city}, as {name} had wished.
           | Why did the {person} travel to {city}?
           | To see {name}, the {person} travelled to {city}, though not by {vehicle}.
    dev    What made the {person} {laugh}?
           | The {person} {laugh.past} because of what {name} had said about the {object}.
           | What did {name} say about the {object}?
           | Because the {person} {laugh.past}, {name} said that the {object} was {state}.
    dev    For what reason did {name} {clean} the {object}?
           | {name} {clean.past} the {object} in order to please the {person}.
           | With whom did {name} {clean} the {object}? | {name} {clean.past} the {object} together with the {person}.
how many and how much
    train  How many {object.pl} did {name} sell? | {name} sold {number} {object.pl} for many dollars.
           | How many dollars did {name} get for the {object.pl}?
           | {name} got {number} dollars for selling the {object.pl}.
    train  How old is the {person}? | The {person}, who is {tens} years old, has never worked in {city}.
           | How long has the {person} worked in {city}?
           | The {person}, who is no longer young, has worked in {city} for {many} years.
    dev    How far is it from the {building} to the {building2}?
           | From the {building} it is {many} miles to the {building2} in {city}.
           | How long does it take from the {building} to the {building2}?
           | From the {building} it takes {many} minutes to get to the {building2} in {city}.
    dev    What is the number of {person.pl} in the {building}?
           | There are {many} {person.pl} in the {building}, among them {name}.
           | What is the age of the {person} in the {building}?
           | The {person} in the {building}, {name}, is {tens} years of age.
what it is like
    train  What colour is {name}'s {object}? | {name} keeps the {colour} {object} in a {container} of {material}.
           | What is {name}'s {ware} made of? | {name} keeps the {ware} of {material} in a {colour} {container}.
    train  What is the {ware} in the {room} made of? | In the {room} is a {ware} of {material} with a {colour} spot.
           | What colour is the {ware} in the {room}? | In the {room} is a {colour} {ware} on a board of {material}.
    dev    Of what material was the {ware} that {name} lost?
           | The {ware} of {material} that {name} lost had a {colour} mark.
           | Of what colour was the {ware} that {name} lost?
           | The {ware} that {name} lost in the {colour} {vehicle} was itself {colour2}.
    dev    Which {colour} thing did {name} {clean}?
           | It was the {colour} {object} that {name} {clean.past}, not the {object2}.
           | Which {colour} thing did {name} not {clean}?
           | {name} {clean.past} the {object} but not the {colour} {object2}.
asked and said
    train  What does {name} want to {clean}? | {name} wants to {clean} the {object}, as the {person} knows.
           | What does the {person} want to {clean}? | The {person} wants to {clean} the {object}, as {name} knows.
    train  Who told {name} about the {object}? | {name} heard about the {object} from the {person} in {city}.
           | Who heard from {name} about the {object}?
           | It was {name} who told the {person} in {city} about the {object}.
    dev    Whom does {name} believe to have {laugh.part}? | {name} believes that the {person} {laugh.past} in {city}.
           | Who believes that {name} {laugh.past}?
           | That {name} {laugh.past} is what the {person} from {city} believes.
""",
    lambda text: Exchange(*text.split(" | ")),
)


def pairs(exchange: Exchange, draw: Draw, split: str) -> list[Row]:
    """Two questions, each with the sentence that answers it (label 0) and with one that does not (label 1).

    The one that does not is the other question's, or its own, said of something else.
    """
    bound = bind(exchange, draw, split)
    asked = (exchange.question, exchange.sentence), (exchange.other_question, exchange.other_sentence)
    rows = []
    for (question, answer), (_, elsewhere) in (asked, asked[::-1]):
        wrong = (elsewhere, bound)
        if draw.below(2):
            wrong = (answer, about_something_else((question, answer), bound, draw, split))
        for label, sentence in enumerate((fill(answer, bound), fill(*wrong))):
            rows.append({"question": fill(question, bound), "sentence": sentence, "label": label})
    return rows
