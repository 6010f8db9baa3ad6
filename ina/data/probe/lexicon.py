"""The suite's vocabulary, read from `texts/lexicon.yaml`: classes of words, each named after one of its members.

Templates name a class in braces: `{person}` is any word of the class person, `{laugh.past}` the past tense of any verb
of the class laugh. One word in five of the open classes is held out of them in training, so dev sentences hold unseen
words too.
"""

from functools import cache
from zlib import crc32

import yaml

from ina.data.probe.inflection import TEXTS, Word, adjectives, kinds, names, nouns, numbered, plain, verbs

HELD_OUT_EVERY = 5
SMALLEST_OPEN_CLASS = 20
"""Classes with fewer words are used whole in every split."""

HE, SHE = "he him his himself", "she her her herself"


def _read() -> dict[str, tuple[Word, ...]]:
    written = yaml.safe_load((TEXTS / "lexicon.yaml").read_text(encoding="utf-8"))
    men, women = written.pop("names").values()
    bob, ann = names(men, HE, SHE), names(women, SHE, HE)
    name = tuple(word for pair in zip(bob, ann, strict=False) for word in pair)
    parsers = {parse.__name__: parse for parse in (adjectives, kinds, nouns, numbered, plain, verbs)}
    classes = {key: parsers[form](text) for form, entries in written.items() for key, text in entries.items()}
    return {"bob": bob, "ann": ann, "name": name} | classes


CLASSES = _read()


@cache
def words(name: str, split: str) -> tuple[Word, ...]:
    """Words of a class that a split may use: `train` all but the held-out ones, `unseen` only those, any other all.

    Raises KeyError for an unknown class.
    """
    members = CLASSES[name]
    if len(members) < SMALLEST_OPEN_CLASS or split not in ("train", "unseen"):
        return members
    return tuple(word for word in members if is_held_out(word) == (split == "unseen"))


def is_held_out(word: Word) -> bool:
    """Whether a word is kept for dev in every open class that it belongs to."""
    return crc32(word[""].encode()) % HELD_OUT_EVERY == 0
