"""Passages, and the kinds of their tokens: answer, distractor and others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from .. import data
from ..config import ChoiceTask, GlueTask, RunConfig, SquadTask
from ..data import TaskData
from ..tasks.spans import cut_questions

KINDS = ("special", "punctuation", "question", "answer", "distractor", "other")
"""Kinds of tokens. A token has the first that fits: special, answer, punctuation, question, distractor, other."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Passage:
    """A text and what is known of it.

    question: what the model reads before the text; None if it reads the text alone
    answer: where the answer is in the text, (start, end) in characters
    distractors: where the text has distractors, each (start, end)
    """

    text: str
    question: str | None = None
    answer: Span | None = None
    distractors: tuple[Span, ...] = ()


def passage(
    text: str, question: str | None = None, answer: str | None = None, distractor: str | None = None
) -> Passage:
    """A passage whose answer and distractor are given as words; their first occurrence in the text counts.

    Raises:
        ValueError: The text does not have these words.
    """
    spans = {}
    for name, words in {"answer": answer, "distractor": distractor}.items():
        match = re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) if words else None
        if words and not match:
            raise ValueError(f"{name}={words!r} is not in the text {text!r}")
        spans[name] = match and match.span()
    return Passage(text, question or None, spans["answer"], tuple(filter(None, [spans["distractor"]])))


EXAMPLE = passage("I put my red bag in the black bag.", "What is the colour of my bag?", "red", "black bag")
"""The paper's example."""


@dataclass(frozen=True)
class Tokens:
    """A passage as a model reads it: `inputs`, each (1, tokens), and the kind and the word of each token."""

    inputs: dict[str, Tensor]
    kinds: tuple[str, ...]
    words: tuple[str, ...]


def tokens(passage: Passage, tokenizer: PreTrainedTokenizerBase, task: GlueTask | SquadTask | ChoiceTask) -> Tokens:
    """A passage as a model trained on the task reads it.

    If a SQuAD text is too long for one window, the first window with the end of the answer is taken.
    """
    texts = [passage.text] if passage.question is None else [passage.question, passage.text]
    last = len(texts) - 1
    cut: dict[str, Any] = {"truncation": True}
    if task.family == "squad":
        texts[:last] = cut_questions(task, texts[:last], tokenizer) if last else []
        cut = {"truncation": "only_second" if last else "only_first", "stride": task.doc_stride}
        cut["return_overflowing_tokens"] = True
    batch = tokenizer(
        *([text] for text in texts), max_length=task.max_length, return_offsets_mapping=True, verbose=False, **cut
    )
    end = passage.answer[1] - 1 if passage.answer else 0
    held = (number for number, encoding in enumerate(batch.encodings) if encoding.char_to_token(end, last) is not None)
    window = next(held, 0)
    encoding, kinds, words = batch.encodings[window], [], []
    for sequence, place, token in zip(encoding.sequence_ids, encoding.offsets, encoding.tokens, strict=True):
        word = token if sequence is None else texts[sequence][slice(*place)].strip()
        kinds.append("special" if sequence is None else _kind(word, place, passage if sequence == last else None))
        words.append(word or "_")
    inputs = {name: torch.tensor(batch[name][window])[None] for name in tokenizer.model_input_names if name in batch}
    return Tokens(inputs, tuple(kinds), tuple(words))


def _kind(word: str, place: Span, passage: Passage | None) -> str:
    """The kind of a word at `place` in the text of `passage`; `passage` is None for words of the question."""
    if passage and passage.answer and _overlap(place, passage.answer):
        return "answer"
    if not any(map(str.isalnum, word)):
        return "punctuation"
    if not passage:
        return "question"
    return "distractor" if any(_overlap(place, one) for one in passage.distractors) else "other"


def _overlap(a: Span, b: Span) -> bool:
    return a[0] < b[1] and b[0] < a[1]


def dev_passages(cfg: RunConfig, examples: TaskData) -> tuple[str, list[Passage]]:
    """The first dev split of a run's data: its name and its passages.

    Distractors are known only in the generated suite: the sentences that are missing when the same paragraph is loaded
    without distractors. In a GLUE sentence pair the first text is treated as the question.

    Raises:
        ValueError: The task is neither SQuAD nor GLUE.
    """
    split = next(split for split in examples.splits if split != "train")
    rows = examples.splits[split].to_list()
    if cfg.task.family == "glue":
        return split, [Passage(*(row[name] for name in reversed(cfg.task.columns))) for row in rows]
    if cfg.task.family != "squad":
        raise ValueError(f"the analysis reads the dev sets of GLUE and SQuAD, not that of {cfg.task.name}")
    sentence, relevant = re.compile(r"\S.*?\.(?=\s|$)", re.S), {}
    if examples.source == "probe" and cfg.data.distractors != 0:
        plain = cfg.data.model_copy(update={"distractors": 0, "test_distractors": None})
        bare = data.load(cfg.task, plain).splits[split]
        relevant = {row["id"]: set(sentence.findall(row["context"])) for row in bare}
    passages = []
    for row in rows:
        text, answers = row["context"], row["answers"]
        spans = [
            (start, start + len(words)) for words, start in zip(answers["text"], answers["answer_start"], strict=True)
        ]
        known = relevant.get(row["id"])
        lacking = (match.span() for match in sentence.finditer(text) if known and match.group() not in known)
        passages.append(Passage(text, row["question"], spans[0] if spans else None, tuple(lacking)))
    return split, passages
