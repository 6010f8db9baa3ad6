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


PHENOMENA = phenomena(
    """
plain statement
    train  + The {part} is {truly} {good}, and the {part2} is {good2}.
    train  + A {good} and {good2} {work} whose {part} {charm.sg}.
    train  + This {work} is a {joy} for everyone who likes {animal.pl}.
    dev    + From start to finish, the {work} {charm.sg}, and its {part} is {truly} {good}.
    dev    + In {city} they presented a {good} {work}, a {joy} for the whole family.
negation
    train  - The {part} of this {work} is not {good} at all.
    train  - There is nothing {good} about the {part}, and nothing {good2} about the {part2}.
    train  - I do not think that anyone will call this {work} {good}.
    train  - Neither the {part} nor the {part2} is {good}.
    dev    - At no point is the {work} about the {person} {good}.
    dev    - Not once did the {part} strike me as {good}.
    dev    - It is not true that the {work} is {good}, whatever they say in {city}.
contrast
    train  - The {part} is {good}, but the {work} as a whole is {bad}.
    train  - Its {part} may be {good}; the {work} itself is {truly} {bad}.
    train  - Not {good} but {bad}: that is the {work} about the {person}.
    dev    - Here and there the {work} is {good}, yet on the whole it is {bad}.
    dev    Some will complain about the {bad} {part}, but what counts is the {good} story. | Some will praise
           the {good} {part}, but what counts is the {bad} story.
concession
    train  + Although the {part} is {bad}, I found the {work} {truly} {good}.
    train  + The {work} is {good}, even though its {part} is {bad}.
    train  + Despite its {bad} {part}, this is a {good} {work}.
    dev    + Even though its {part} {bore.sg}, the {work} is a {joy}.
    dev    + Granted, the {part} is {bad} and the {part2} is {bad2}; it is a {good} {work} all the same.
expectation
    train  - I expected a {good} {work} and got a {bad} one.
    train  They had warned me of the {bad} {part}, and yet I saw a {good} {work}. | They had promised me
           a {good} {part}, and then I saw a {bad} {work}.
    train  - By rights it should have been {good}, and it is {bad}.
    dev    - What was announced as a {joy} is in truth a {mess}.
    dev    I had feared that the {work} would be {bad}, and I was wrong. | I had hoped that the {work} would be
           {good}, and I was wrong.
    dev    I had hoped that the {part} would be {good}, and I was right. | I had feared that the {part} would be
           {bad}, and I was right.
comparison
    train  + Seldom have I seen a {work} as {good} as this.
    train  Much less {bad} than I had feared. | Much less {good} than I had hoped.
    train  + Next to this {good} {work}, all the others this year are {bad}.
    dev    + I have seen many a {bad} {work} in {city}, and this is not one of them.
    dev    + No other {work} this {season} was as {good}.
    dev    + The {bad} {work.pl} of recent years make this one look {truly} {good}.
opinion of others
    train  + The critics call it {bad}. They are wrong.
    train  + The critics call it {good}. They are right.
    train  + My {brother} says the {part} is {bad}, but he has no idea.
    dev    + A {person} told me that the {work} was {bad}. I could not disagree more.
    dev    + A {person} told me that the {work} was {good}. I could not agree more.
    dev    + Anyone who calls the {part} {bad} has slept through the {work}.
hidden negation
    train  - The {part} is anything but {good}.
    train  - This {work} is far from being {good}.
    train  - The {part} hardly ever {charm.sg}.
    train  + The {work} never stops being {good}.
    dev    The {part} never fails to be {good}. | The {part} fails to be {good} even once.
    dev    - Hardly anything in the {part} is {good}.
    dev    - I looked in vain for a {good} moment in this {work}.
change
    train  - The {work} is {good} for ten minutes and {bad} for the remaining two hours.
    train  - The {part} used to be {good}; in this new version it is {bad}.
    train  - Sooner or later the {good} beginning gives way to something {truly} {bad}.
    dev    + After a {bad} beginning, the {work} becomes {good} and stays so to the end.
    dev    - The {good} {work.pl} are in the past; this one is {bad}.
""",
    review,
)


def pair(template: Review, draw: Draw, split: str) -> list[Row]:
    """One sentence of praise and one of blame."""
    return [
        {"sentence": fill(text, bind([text], draw, split)), "label": label}
        for label, text in enumerate((template.blame, template.praise))
    ]
