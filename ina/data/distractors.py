"""Insert sentences of other articles into SQuAD's paragraphs: irrelevant text that people wrote.

Each paragraph draws `MOST` sentences and their places once and gets the first `count` of them, so a lower count gives a
subset of the sentences of a higher one. The sentences come from the same split, so training never sees dev articles.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datasets import Dataset

MOST = 8
_ABBREVIATIONS = ("[A-Za-z]", "St", "Mt", "Mr", "Mrs", "Ms", "Dr", "Jr", "Sr", "No", "vs", "ca")
_NO_ABBREVIATION = "".join(rf"(?<!\b{word}\.)" for word in _ABBREVIATIONS)
_BETWEEN_SENTENCES = re.compile(_NO_ABBREVIATION + r"(?<=[.!?])\s+(?=[A-Z0-9\"'(\[])")
_LENGTHS = range(30, 300)
"""Allowed characters of a sentence; shorter ones are mostly headings or cut off at an abbreviation."""


def insert(rows: Dataset, count: int) -> Dataset:
    """SQuAD rows with `count` sentences added to each paragraph and the answers' offsets adjusted.

    No added sentence contains an answer to a question on the paragraph, and none is put inside an answer.

    Args:
        rows: A split, columns as in `ina.data.schema`.
        count: 0 to `MOST`.

    Raises:
        ValueError: The other articles have too few sentences without an answer to a paragraph's questions.
    """
    titles, contexts = rows["title"][:], rows["context"][:]
    answers: dict[str, list[tuple[int, str]]] = {}
    for context, row_answers in zip(contexts, rows["answers"][:], strict=True):
        answers.setdefault(context, []).extend(zip(row_answers["answer_start"], row_answers["text"], strict=True))
    sentences: dict[str, list[str]] = {}
    for context, title in dict(zip(contexts, titles, strict=True)).items():
        sentences.setdefault(title, []).extend(
            sentence for sentence in _BETWEEN_SENTENCES.split(context) if len(sentence) in _LENGTHS
        )
    others = {
        title: [sentence for other, texts in sentences.items() if other != title for sentence in texts]
        for title in sentences
    }
    inserted = {
        context: _insert(context, answers[context], others[title], count)
        for context, title in dict(zip(contexts, titles, strict=True)).items()
    }

    def changed(row: dict) -> dict:
        context, added = inserted[row["context"]]
        row_answers = row["answers"]
        starts = [
            start + sum(len(text) for place, text in added if place <= start) for start in row_answers["answer_start"]
        ]
        return {"context": context, "answers": {"text": row_answers["text"], "answer_start": starts}}

    return rows.map(changed, features=rows.features, load_from_cache_file=False)


def _insert(
    context: str, answers: list[tuple[int, str]], others: list[str], count: int
) -> tuple[str, list[tuple[int, str]]]:
    """The new paragraph, and each insertion in order: its place in the old paragraph and its text."""
    from ina.tasks.squad import normalize_answer  # takes seconds to import

    draw = np.random.RandomState(np.frombuffer(hashlib.sha256(context.encode()).digest(), np.uint32))
    starts = [0, *(match.end() for match in _BETWEEN_SENTENCES.finditer(context))]
    outside = [place for place in starts if not any(start < place < start + len(text) for start, text in answers)] + [
        len(context)
    ]
    texts = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for _, text in answers) or "(?!)", re.IGNORECASE)
    normalized = {f" {normalize_answer(text)} " for _, text in answers} - {"  "}
    chosen: list[tuple[int, str]] = []
    for position in draw.permutation(len(others)):
        if len(chosen) == MOST:
            break
        sentence = f" {normalize_answer(others[position])} "
        if not texts.search(others[position]) and not any(text in sentence for text in normalized):
            chosen.append((outside[draw.randint(len(outside))], others[position]))
    if len(chosen) < MOST:
        raise ValueError(
            f"other articles have {len(chosen)} sentences to insert, and a paragraph needs {MOST}: {context[:60]!r}"
        )
    added = [
        (place, f" {sentence}" if place == len(context) else f"{sentence} ")
        for place, sentence in sorted(chosen[:count], key=lambda pair: pair[0])
    ]
    for place, text in reversed(added):
        context = context[:place] + text + context[place:]
    return context, added
