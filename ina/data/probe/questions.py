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


PHENOMENA = phenomena("qnli", lambda text: Exchange(*text.split(" | ")))


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
