"""SST-2's task: does this sentence of a review praise or blame?

Every template is used twice, with words of praise and of blame exchanged, so that what decides is the frame around
them: negation, contrast, concession, expectation, comparison, another's opinion.
"""

import re
from typing import NamedTuple

from ina.data.probe.template import Draw, Row, bind, fill, phenomena

OPPOSITE = {"good": "bad", "joy": "mess", "charm": "bore"}
OPPOSITE |= {bad: good for good, bad in OPPOSITE.items()}


class Review(NamedTuple):
    """Two templates, of praise and of blame."""

    praise: str
    blame: str


def review(text: str) -> Review:
    """Reads `+ praise` or `- blame`, of which the other is the mirror image, or `praise | blame`."""
    if " | " in text:
        return Review(*text.split(" | "))
    sign, template = text.split(None, 1)
    return Review(template, mirror(template)) if sign == "+" else Review(mirror(template), template)


def mirror(template: str) -> str:
    """The template with words of praise and of blame exchanged."""
    return re.sub(r"\{([a-z]+)", lambda slot: "{" + OPPOSITE.get(slot[1], slot[1]), template)


PHENOMENA = phenomena("sst2", review)


def pair(template: Review, draw: Draw, split: str) -> list[Row]:
    """One sentence of praise and one of blame."""
    return [
        {"sentence": fill(text, bind([text], draw, split)), "label": label}
        for label, text in enumerate((template.blame, template.praise))
    ]
