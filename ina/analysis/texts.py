"""Passages as tokens of a kind: what the gate and the attention are asked about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from .. import data
from ..config import RunConfig
from ..data import TaskData

KINDS = ("special", "punctuation", "question", "answer", "distractor", "other")
"""What a token is, the first that fits of: special, part of the answer, punctuation, part of the question, part of a
distractor, other."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Passage:
    """A text and what is known of it.

    question: what the model reads before the text, None where it reads the text alone
    answer: where the answer stands in the text, (start, end) in characters
    distractors: where the text states what does not matter
    """

    text: str
    question: str | None = None
    answer: Span | None = None
    distractors: tuple[Span, ...] = ()


def passage(
    text: str, question: str | None = None, answer: str | None = None, distractor: str | None = None
) -> Passage:
    """A passage whose answer and distractor are given by their words; the first place of each counts.

    Raises:
        ValueError: They do not stand in the text.
    """

    def place(name: str, words: str) -> Span:
        if not (found := re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text)):
            raise ValueError(f"{name}={words!r} does not stand in the text {text!r}")
        return found.span()

    return Passage(
        text,
        question or None,
        place("answer", answer) if answer else None,
        (place("distractor", distractor),) if distractor else (),
    )


EXAMPLE = passage("I put my red bag in the black bag.", "What is the colour of my bag?", "red", "black bag")
"""The paper's example."""


@dataclass(frozen=True)
class Tokens:
    """A passage as a model reads it: `inputs` (1, tokens) each; `kinds` and `words`, one of each a token."""

    inputs: dict[str, Tensor]
    kinds: tuple[str, ...]
    words: tuple[str, ...]


def tokens(passage: Passage, tokenizer: PreTrainedTokenizerBase, max_length: int, stride: int = 0) -> Tokens:
    """Question and text, as in training.

    Of a text that does not fit into `max_length` tokens, the first window that holds the whole answer is taken;
    neighbouring windows share `stride` tokens.
    """
    texts = (passage.text,) if passage.question is None else (passage.question.strip(), passage.text)
    found = tokenizer(
        *texts,
        truncation="only_first" if len(texts) == 1 else "only_second",
        max_length=max_length,
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        verbose=False,
    )
    end = passage.answer[1] if passage.answer else 0
    last = len(texts) - 1
    window = 0
    while window < len(found.encodings) - 1 and _reaches(found.encodings[window], last) < end:
        window += 1
    encoding = found.encodings[window]
    places = list(zip(encoding.sequence_ids, encoding.offsets, encoding.tokens, strict=True))
    return Tokens(
        {name: torch.tensor(found[name][window : window + 1]) for name in tokenizer.model_input_names if name in found},
        tuple(_kind(passage, texts, sequence, place) for sequence, place, _ in places),
        tuple(token if sequence is None else _slice(texts[sequence], place) for sequence, place, token in places),
    )


def _reaches(encoding, sequence: int) -> int:
    ends = [place[1] for of, place in zip(encoding.sequence_ids, encoding.offsets, strict=True) if of == sequence]
    return max(ends, default=0)


def _kind(passage: Passage, texts: tuple[str, ...], sequence: int | None, place: Span) -> str:
    if sequence is None:
        return "special"
    in_text = sequence == len(texts) - 1
    if in_text and passage.answer and _overlap(place, passage.answer):
        return "answer"
    if not any(map(str.isalnum, texts[sequence][slice(*place)])):
        return "punctuation"
    if not in_text:
        return "question"
    return "distractor" if any(_overlap(place, one) for one in passage.distractors) else "other"


def _overlap(a: Span, b: Span) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def _slice(text: str, place: Span) -> str:
    return text[slice(*place)].strip() or "_"


def dev_passages(cfg: RunConfig, examples: TaskData) -> tuple[str, list[Passage]]:
    """The first dev split of a run's data: its name and its passages.

    In paragraphs of the embedded suite distractors are known: they are what the paragraph of the same question without
    distractors lacks. A pair of GLUE's is a text after another; the first stands for the question.

    Raises:
        ValueError: The task is neither reading comprehension nor one of GLUE.
    """
    split = next(split for split in examples.splits if split != "train")
    rows = examples.splits[split].to_list()
    if cfg.task.family == "glue":
        return split, [Passage(*(row[name] for name in reversed(cfg.task.columns))) for row in rows]
    if cfg.task.family != "squad":
        raise ValueError(f"the analysis reads the dev sets of GLUE and SQuAD, not that of {cfg.task.name}")
    without = {}
    if examples.source == "probe" and cfg.data.distractors != 0:
        plain = cfg.data.model_copy(update={"distractors": 0, "test_distractors": None})
        bare = data.load(cfg.task, plain).splits[split]
        without = dict(zip(bare["id"], bare["context"], strict=True))
    return split, [_of_squad(row, without.get(row["id"])) for row in rows]


def _of_squad(row: dict[str, Any], without: str | None) -> Passage:
    text, answers = row["context"], row["answers"]
    spans = [(at, at + len(words)) for words, at in zip(answers["text"], answers["answer_start"], strict=True)]
    distractors = () if without is None else tuple(_missing_sentences(text, without))
    return Passage(text, row["question"], next(iter(spans), None), distractors)


def _missing_sentences(text: str, other: str) -> Iterator[Span]:
    """The sentences of `text` that are not in `other`."""
    sentence = re.compile(r"\S.*?\.(?=\s|$)", re.S)
    there = set(sentence.findall(other))
    return (found.span() for found in sentence.finditer(text) if found.group() not in there)


def shares(kinds: Sequence[tuple[str, ...]]) -> dict[str, float]:
    """The mean share of each kind among the tokens of a passage: the attention it has if all tokens get equal."""
    return {kind: float(np.mean([one.count(kind) / len(one) for one in kinds])) for kind in KINDS}
