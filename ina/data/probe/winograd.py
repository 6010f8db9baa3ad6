"""WNLI's task: whom or what does the pronoun mean? Winograd schemas of our own.

A schema is `sentence with [one way|another] | said of the first | said of the second`: the one way the pronoun means
the first candidate, the other way the second, so neither the words nor the candidate give the label away. In some
phenomena the form of the pronoun decides, in the others only what the world is like. A small model learns neither from
so few rows, so half of what is not so is said of somebody or something of which the sentence does not speak.
"""

from typing import NamedTuple

from ina.data.probe.template import CHOICE, Draw, Row, about_something_else, bind, fill, phenomena


class Schema(NamedTuple):
    sentence: str
    first: str
    second: str


SCHEMAS = phenomena("wnli", lambda text: Schema(*text.split(" | ")))


def readings(schema: Schema, draw: Draw, split: str) -> list[Row]:
    """Both wordings of a schema, each with what it says (label 1) and what it does not say (label 0)."""
    bound = bind(schema, draw, split)
    rows = []
    for wording in (1, 2):
        sentence, *said = (CHOICE.sub(rf"\{wording}", text) for text in schema)
        so, not_so = said[wording - 1], said[2 - wording]
        wrong = (not_so, about_something_else((sentence, not_so), bound, draw, split) if draw.below(2) else bound)
        for label, text in enumerate((fill(*wrong), fill(so, bound))):
            rows.append({"sentence1": fill(sentence, bound), "sentence2": text, "label": label})
    return rows
