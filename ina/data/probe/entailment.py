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


PHENOMENA = phenomena("mnli", lambda text: Triple(*text.split(" | ")))

ADDITIONS = {
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
    addition = draw.choice(ADDITIONS[split])
    bound = bind([*triple, addition], draw, split)
    premise = " ".join(draw.shuffled([fill(triple.premise, bound), fill(addition, bound)]))
    wrong = (draw.choice((triple.neutral, triple.contradicted)), bound)
    if draw.below(2):
        wrong = (triple.entailed, about_something_else((triple.premise, triple.entailed), bound, draw, split))
    hypotheses = fill(triple.entailed, bound), fill(*wrong)
    return [{"sentence1": premise, "sentence2": text, "label": label} for label, text in enumerate(hypotheses)]
