"""MRPC's and QQP's task: do these two say, or ask, the same?

A frame is a set of ways to say one thing, `... | ... | ...`, headed by what changes the meaning but hardly the words:
`person<>person2` swaps two words, `city>city2` puts the second for the first. Two ways with the same words are a
paraphrase, two ways of which one has changed are none; both are drawn from the same sentences, so words alone do
not give the label away. Who swapped with whom is hard to see: half of the frames that swap change one word instead.
"""

from typing import NamedTuple

from ina.data.probe.inflection import Word
from ina.data.probe.template import Draw, Row, about_something_else, bind, fill, phenomena


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


STATEMENTS = phenomena("mrpc", frame)
QUESTIONS = phenomena("qqp", frame)


def pairs(frame: Frame, draw: Draw, split: str, columns: tuple[str, str]) -> list[Row]:
    """A paraphrase and, with the same first sentence, a near-paraphrase."""
    slots = "".join(f"{{{slot}}}{{{other}}}" for _, slot, other in frame.changes)
    bound = bind([slots, *frame.ways], draw, split)
    swaps, changed = frame.swaps, frame.changed(bound)
    if swaps and draw.below(2):
        swaps, changed = False, about_something_else(frame.ways, bound, draw, split)
    here, there = draw.shuffled((bound, changed))
    first, second = draw.sample(frame.ways, 2)
    # One changed word makes the overlap smaller, two swapped ones do not. So that overlap says nothing, one in four of
    # the sentences with a changed word keeps its wording.
    other = first if not swaps and not draw.below(4) else second
    texts = [fill(first, here), fill(second, here), fill(other, there)]
    return [{columns[0]: texts[0], columns[1]: texts[2 - label], "label": label} for label in (1, 0)]
