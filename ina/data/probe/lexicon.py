"""The suite's vocabulary, read from `texts/lexicon.yaml`: classes of words, each named after one of its members.

Templates name a class in braces: `{person}` is any word of the class person, `{laugh.past}` the past tense of any verb
of the class laugh. One word in five of the open classes is held out of training, so dev sentences have unseen words.
"""

import re
from functools import cache
from pathlib import Path
from zlib import crc32

import yaml

TEXTS = Path(__file__).parent / "texts"
"""The folder of the suite's words and templates."""

HELD_OUT_EVERY = 5
SMALLEST_OPEN_CLASS = 20
"""Classes with fewer words are used whole in every split."""

Word = dict[str, str]
"""Form name to text. "" is the dictionary form; words with singular and plural have "sg" and "pl"."""

NAMES = {"bob": "he him his himself she her her herself", "ann": "she her her herself he him his himself"}
"""Classes of first names with their pronouns: forms he, him, his, self and, for the other gender, xhe to xself."""


def noun(entry: str) -> Word:
    """`box`, or `child/children` if the plural is irregular."""
    singular, _, plural = entry.partition("/")
    return {"": singular, "sg": singular, "pl": plural or plural_of(singular)}


def kind(entry: str) -> Word:
    """A noun and its hypernym, `poodle:dog`; the hypernym has the forms up and ups."""
    word, above = map(noun, entry.split(":"))
    return word | {"up": above["sg"], "ups": above["pl"]}


def verb(entry: str) -> Word:
    """`walk`, `stop+` (doubles its last letter), `swim+/swam/swum`: forms sg (takes), pl (take), past, part, ing."""
    first, *irregular = entry.split("/")
    base, stem = _base_and_stem(first)
    past, part = irregular or [_before_e(stem) + "ed"] * 2
    third = base + "es" if base.endswith("o") else plural_of(base)
    ing = re.sub("(?<![eyo])e$", "", stem) + "ing"
    return {"": base, "sg": third, "pl": base, "past": past, "part": part, "ing": ing}


def adjective(entry: str) -> Word:
    """`calm`, `big+` (doubles its last letter): forms comparative, superlative, adverb."""
    base, stem = _base_and_stem(entry)
    stem = _before_e(stem)
    adverb = re.sub("le$", "l", re.sub("y$", "il", base)) + ("y" if base.endswith(("y", "le")) else "ly")
    return {"": base, "comparative": stem + "er", "superlative": stem + "est", "adverb": adverb}


def plain(entry: str) -> Word:
    """A word or phrase without further forms."""
    return {"": entry}


def plural_of(noun: str) -> str:
    """Plural of a regular noun: `boxes`, `parties`, `cups`."""
    return re.sub("(s|sh|ch|x|z)$", r"\1e", re.sub("(?<![aeiou])y$", "ie", noun)) + "s"


def _base_and_stem(entry: str) -> tuple[str, str]:
    base = entry.rstrip("+")
    return base, base + base[-1] if entry.endswith("+") else base


def _before_e(stem: str) -> str:
    """The stem to which -ed, -er or -est is added: `tri`, `lat`, `calm`."""
    return stem[:-1] if stem.endswith("e") else re.sub("(?<![aeiou])y$", "i", stem)


def _read() -> dict[str, tuple[Word, ...]]:
    written = yaml.safe_load((TEXTS / "lexicon.yaml").read_text(encoding="utf-8"))
    classes = {}
    for make in (noun, kind, verb, adjective, plain):
        for name, text in written[make.__name__].items():
            entries = text.split(", ") if "," in text else text.split()
            classes[name] = tuple(map(make, entries))
    for name, pronouns in NAMES.items():
        forms = dict(zip("he him his self xhe xhim xhis xself".split(), pronouns.split(), strict=True))
        classes[name] = tuple(word | forms for word in classes[name])
    pairs = zip(classes["bob"], classes["ann"], strict=False)
    return classes | {"name": tuple(word for pair in pairs for word in pair)}


CLASSES = _read()


@cache
def words(name: str, split: str) -> tuple[Word, ...]:
    """Words of a class that a split may use: `train` all but the held-out words, `unseen` only those, others all.

    Raises KeyError for an unknown class.
    """
    members = CLASSES[name]
    if len(members) < SMALLEST_OPEN_CLASS or split not in ("train", "unseen"):
        return members
    held_out = [crc32(word[""].encode()) % HELD_OUT_EVERY == 0 for word in members]
    return tuple(word for word, held in zip(members, held_out, strict=True) if held == (split == "unseen"))
