"""Reproducible sentences from templates.

A template is a sentence with slots, `"The {person.n} near the {vehicle.x} [{be.n}|{be.x}] {mood}."`:

- `{person}`, `{person2}`: two different words of the lexicon's class `person`; the same slot is always the same word
- `{buy.past}`: a form of the word
- `.n`: singular or plural, drawn once for the sentence; `.x`: the other one of the two
- `[good|bad]`: the difference between the two members of a minimal pair
"""

import random
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from ina.data.probe import lexicon
from ina.data.probe.lexicon import TEXTS, Word

SEED = 20240806
SLOT = re.compile(r"\{([a-z]+)(\d*)(?:\.([a-z]+))?\}")
CHOICE = re.compile(r"\[([^|\]]*)\|([^|\]]*)\]")
REPLACEMENT_INDEX = "8"
"""Index of slots about something else: the slots of an aside, and the slot of a replacement word."""
ENTITY_CLASSES = (
    *("name", "bob", "ann", "man", "woman", "person", "animal"),
    *("object", "ware", "vessel", "vehicle", "container", "material"),
    *("building", "room", "city"),
)
"""Classes of people, things and places. If such a word is replaced by another of its class, the sentence is about
something else."""
ATTEMPTS = 60
"""Fillings that are tried for one template before it counts as used up."""

Row = dict[str, Any]


class Draw:
    """Random choices that are the same in every process and Python version.

    Only `Random.random` is documented as reproducible (library reference, "Notes on Reproducibility"), so all choices
    are made with it.
    """

    def __init__(self, *key: object):
        self._random = random.Random("/".join(str(part) for part in (SEED, *key))).random

    def below(self, n: int) -> int:
        """An integer from 0 to n - 1."""
        return int(self._random() * n)

    def choice(self, items: Sequence) -> Any:
        return items[self.below(len(items))]

    def sample(self, items: Sequence, n: int) -> list:
        """n different items, in random order."""
        pool = list(items)
        return [pool.pop(self.below(len(pool))) for _ in range(n)]

    def shuffled(self, items: Sequence) -> list:
        return self.sample(items, len(items))


class Phenomenon(NamedTuple):
    """What an example tests, and the templates for training and for dev, each a list of parts."""

    name: str
    train: list[list[str]]
    dev: list[list[str]]

    def templates(self, split: str) -> list[list[str]]:
        return self.train if split == "train" else self.dev


@cache
def phenomena(name: str) -> list[Phenomenon]:
    """Reads `texts/<name>.txt`: a line with a phenomenon's name, then an indented line per template.

    An indented line is `train` or `dev`, then the template with parts separated by ` | `. An indented line that begins
    with another word continues the template above it. A line that begins with # is a comment.
    """
    text = (TEXTS / f"{name}.txt").read_text(encoding="utf-8")
    text = re.sub(r"\n(?! +(?:train|dev) ) +", " ", text)
    phenomena: list[Phenomenon] = []
    for line in text.splitlines():
        if line.startswith(" "):
            split, template = line.split(None, 1)
            phenomena[-1].templates(split).append(template.split(" | "))
        elif line and not line.startswith("#"):
            phenomena.append(Phenomenon(line, [], []))
    return phenomena


def bind(
    templates: Iterable[str], draw: Draw, split: str, bound: dict[str, Word] | None = None, avoid: Iterable[str] = ()
) -> dict[str, Word]:
    """A word for every slot of the templates; slots in `bound` keep theirs.

    Words are distinct and not in `avoid`, as long as the class has unused words. The key "#" holds the number for `.n`.
    """
    bound = dict(bound or {})
    used = {word[""] for word in bound.values()}.union(avoid)
    for template in templates:
        for name, index, _ in SLOT.findall(template):
            if name + index not in bound:
                members = lexicon.words(name, split)
                word = draw.choice(members)
                if word[""] in used and (unused := [other for other in members if other[""] not in used]):
                    word = draw.choice(unused)
                used.add(word[""])
                bound[name + index] = word
    bound.setdefault("#", {"": draw.choice(("sg", "pl"))})
    return bound


def about_something_else(templates: Sequence[str], bound: dict[str, Word], draw: Draw, split: str) -> dict[str, Word]:
    """The words of `bound`, with another word in one slot of `ENTITY_CLASSES` that all templates share."""
    shared = set.intersection(*({(name, index) for name, index, _ in SLOT.findall(text)} for text in templates))
    name, index = draw.choice(sorted(slot for slot in shared if slot[0] in ENTITY_CLASSES))
    other = name + REPLACEMENT_INDEX
    return bound | {name + index: bind([f"{{{other}}}"], draw, split, bound)[other]}


def fill(template: str, bound: dict[str, Word]) -> str:
    """The sentence of a template without `[good|bad]`."""
    number = bound["#"][""]
    forms = {"n": number, "x": "pl" if number == "sg" else "sg"}
    text = SLOT.sub(lambda slot: bound[slot[1] + slot[2]][forms.get(slot[3], slot[3] or "")], template)
    return tidy(text)


def tidy(text: str) -> str:
    """The text with single spaces, `an` instead of `a` before a vowel sound, and capital letters to begin sentences."""
    text = re.sub(r" +", " ", text).strip()
    text = re.sub(r" (?=[,.?])", "", text)
    text = re.sub(r"\b([Aa]) (?=[aeioAEIO](?!ne\b|ne-)|[uU](?!ni[^mn]|se)|hour|honest)", r"\1n ", text)
    return re.sub(r"(^|[.?] )([a-z])", lambda start: start[1] + start[2].upper(), text)


def collect(
    phenomena: Sequence[Phenomenon],
    split: str,
    size: int,
    draw: Draw,
    make: Callable[[list[str], Draw, str], list[Row]],
    seen: set[tuple],
) -> list[Row]:
    """`size` rows in random order, made from each phenomenon in turn.

    make: makes the rows of one filled template, such as a minimal pair; only the last group may be cut, at `size`
    seen: texts used so far; a group with any of them is dropped, so no text occurs twice in a task

    Raises RuntimeError if the templates cannot give that many different rows.
    """
    rows: list[Row] = []
    turn = 0
    while len(rows) < size:
        old_count = len(rows)
        for phenomenon in phenomena:
            templates = phenomenon.templates(split)
            for _ in range(ATTEMPTS):
                group = make(templates[turn % len(templates)], draw, split)
                texts = {tuple(value for value in row.values() if isinstance(value, str)) for row in group}
                if len(texts) == len(group) and not texts & seen:
                    seen |= texts
                    rows += [row | {"phenomenon": phenomenon.name} for row in group]
                    break
        if len(rows) == old_count:
            raise RuntimeError(f"the templates give only {len(rows)} different rows for {split}, not {size}")
        turn += 1
    return draw.shuffled(rows[:size])
