"""Forms of English words: from a compact list such as `"box child/children"` to all that a template can ask for."""

import re
from pathlib import Path

TEXTS = Path(__file__).parent / "texts"
"""The words and templates of the suite, as people write them."""

Word = dict[str, str]
"""Form name to text; the form "" is the one in the dictionary. A word with number has the forms "sg" and "pl"."""

VOWELS = "aeiou"
SIBILANT = ("s", "sh", "ch", "x", "z")


def nouns(text: str) -> tuple[Word, ...]:
    """`box`, or `child/children` where the plural is irregular: forms sg, pl. An underscore stands for a space."""
    words = []
    for entry in text.split():
        singular, _, plural = entry.replace("_", " ").partition("/")
        words.append({"": singular, "sg": singular, "pl": plural or plural_of(singular)})
    return tuple(words)


def verbs(text: str) -> tuple[Word, ...]:
    """`walk`, `stop+` (doubles its last letter), `swim+/swam/swum`: forms sg (takes), pl (take), past, part, ing."""
    return tuple(_verb(entry) for entry in text.split())


def adjectives(text: str) -> tuple[Word, ...]:
    """`calm`, `big+` (doubles its last letter): forms comparative, superlative, adverb."""
    words = []
    for entry in text.split():
        base = entry.rstrip("+")
        stem = _before_e(base + base[-1] if entry.endswith("+") else base)
        adverb = base[:-1] + "ily" if base.endswith("y") else base[:-1] + "y" if base.endswith("le") else base + "ly"
        words.append({"": base, "comparative": stem + "er", "superlative": stem + "est", "adverb": adverb})
    return tuple(words)


def plain(text: str) -> tuple[Word, ...]:
    """Words and phrases without further forms, separated by spaces, or by commas where a phrase has several words."""
    return tuple({"": entry.strip()} for entry in (text.split(",") if "," in text else text.split()))


def kinds(text: str) -> tuple[Word, ...]:
    """Nouns with what they are a kind of, `poodle:dog`: forms sg, pl of the first, up, ups of the second."""
    words = []
    for entry in text.split():
        word, above = (nouns(part)[0] for part in entry.split(":"))
        words.append(word | {"up": above["sg"], "ups": above["pl"]})
    return tuple(words)


def numbered(text: str) -> tuple[Word, ...]:
    """One word that agrees in number: `is are`."""
    singular, plural = text.split()
    return ({"": singular, "sg": singular, "pl": plural},)


def names(text: str, pronouns: str, others: str) -> tuple[Word, ...]:
    """First names with their pronouns (he him his self) and, under these keys with an x, those of the other gender."""
    forms = dict(zip(("he", "him", "his", "self"), pronouns.split(), strict=True))
    forms |= dict(zip(("xhe", "xhim", "xhis", "xself"), others.split(), strict=True))
    return tuple({"": name} | forms for name in text.split())


def plural_of(noun: str) -> str:
    """Plural of a regular noun: `boxes`, `parties`, `cups`."""
    if noun.endswith(SIBILANT):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in VOWELS:
        return noun[:-1] + "ies"
    return noun + "s"


def _verb(entry: str) -> Word:
    first, *irregular = entry.split("/")
    base = first.rstrip("+")
    doubled = base + base[-1] if first.endswith("+") else base
    regular = _before_e(doubled) + "ed"
    ing = doubled if base.endswith(("ee", "ye", "oe")) else re.sub("e$", "", doubled)
    third = base + "es" if base.endswith("o") else plural_of(base)
    past, part = irregular if irregular else (regular, regular)
    return {"": base, "sg": third, "pl": base, "past": past, "part": part, "ing": ing + "ing"}


def _before_e(stem: str) -> str:
    """The stem to which -ed, -er or -est is added: `tri`, `lat`, `calm`."""
    if stem.endswith("e"):
        return stem[:-1]
    if stem.endswith("y") and stem[-2] not in VOWELS:
        return stem[:-1] + "i"
    return stem


def tidy(text: str) -> str:
    """The text with single spaces, `a` turned into `an` before a vowel sound, and its sentences in upper case."""
    text = re.sub(r" +", " ", text).strip()
    text = re.sub(r" (?=[,.?])", "", text)
    text = re.sub(r"\b([Aa]) (?=[aeioAEIO](?!ne\b|ne-)|[uU](?!ni[^mn]|se)|hour|honest)", r"\1n ", text)
    return re.sub(r"(^|[.?] )([a-z])", lambda start: start[1] + start[2].upper(), text)
