"""Windows over long contexts, and spans in them: what reading comprehension needs between text and model.

A window is what the model sees at once: the question, then a stretch of the context. Where the context does not fit
into one, it gets several, and neighbours share `doc_stride` tokens: an answer up to that long is whole in one of them.
(Devlin et al. 2019, sections 4.2 and 4.3, and the code released with it, where "doc stride" is the distance from window
to window; here it is what they share, as in transformers.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from datasets import Dataset
from numpy.lib.stride_tricks import sliding_window_view
from transformers import PreTrainedTokenizerBase

CLS = 0
"""The position that a window points at when the answer is not in it."""

PLACES = ("row", "char_start", "char_end")
"""Columns of `dev_windows` that lead from tokens back to text and are no model inputs."""


def train_windows(rows: Dataset, tokenizer: PreTrainedTokenizerBase, **lengths: int) -> Dataset:
    """Windows with `start_positions` and `end_positions`: the first and the last token of the first answer.

    Both are `CLS` for windows that do not hold the whole answer, and where there is none. Arguments and errors are
    those of `dev_windows`.
    """
    answers = [_char_span(answers) for answers in rows["answers"][:]]
    windows = list(_windows(rows, tokenizer, **lengths))
    starts, ends = zip(*(_token_span(window.chars, answers[window.row]) for window in windows), strict=True)
    return Dataset.from_dict(_inputs(windows, tokenizer) | {"start_positions": starts, "end_positions": ends})


def dev_windows(rows: Dataset, tokenizer: PreTrainedTokenizerBase, **lengths: int) -> Dataset:
    """Windows with the way back to the text, the columns `PLACES`.

    row: number of the question in `rows`, ascending
    char_start, char_end: (length,) where each token stands in the context; equal where it is blank or not part of it

    Args:
        lengths: `max_length` tokens in a window; at most `max_question_length` of them are the question's, which is cut
            at its end; `doc_stride` are shared by neighbours.

    Raises:
        ValueError: A context has no tokens.
    """
    windows = list(_windows(rows, tokenizer, **lengths))
    places = {
        "row": [window.row for window in windows],
        "char_start": _lists([window.chars[:, 0] for window in windows]),
        "char_end": _lists([window.chars[:, 1] for window in windows]),
    }
    return Dataset.from_dict(_inputs(windows, tokenizer) | places)


class Spans(NamedTuple):
    """The best span of each question, over all of its windows; every field is (questions,).

    start, end: characters of the context, the end excluded
    score: sum of the start's and the end's score
    null_score: the lowest score that one of the windows gives to there being no answer
    """

    start: np.ndarray
    end: np.ndarray
    score: np.ndarray
    null_score: np.ndarray


def best_spans(
    start_scores: np.ndarray, end_scores: np.ndarray, windows: Dataset, *, n_best: int, max_answer_length: int
) -> Spans:
    """Search the `n_best` best starts of each window, each with its best end at most `max_answer_length` tokens on.

    The usual n-best search also wants the end to be among the best ends of its window. Without that the span found is
    never worse, and there always is one. Ties go to the earlier window.

    Args:
        start_scores, end_scores: (windows, at least the longest window's length), what the model gives.
        windows: From `dev_windows`.

    Raises:
        ValueError: A score is not finite.
    """
    if not (np.isfinite(start_scores).all() and np.isfinite(end_scores).all()):
        raise ValueError("the model's scores are not finite: training has diverged, try a lower train.learning_rate")
    table = windows.with_format("arrow")[:]
    char_start, char_end = (_dense(table[name]) for name in PLACES[1:])
    in_context = char_end > char_start
    starts, ends = (
        np.where(in_context, scores[:, : in_context.shape[1]], -np.inf) for scores in (start_scores, end_scores)
    )
    padded = np.pad(ends, [(0, 0), (0, max_answer_length - 1)], constant_values=-np.inf)
    in_reach = sliding_window_view(padded, max_answer_length, axis=1)  # (windows, length, max_answer_length)
    scores = starts + in_reach.max(axis=-1)
    each = np.arange(len(scores))
    candidates = np.argsort(-starts, axis=1, kind="stable")[:, :n_best]
    first = candidates[each, np.take_along_axis(scores, candidates, axis=1).argmax(axis=1)]
    last = first + in_reach[each, first].argmax(axis=-1)
    score = scores[each, first]

    row = table["row"].to_numpy()
    leading = np.flatnonzero(np.diff(row, prepend=-1))  # the first window of each question
    best = np.lexsort((-score, row))[leading]
    return Spans(
        start=char_start[best, first[best]],
        end=char_end[best, last[best]],
        score=score[best],
        null_score=np.minimum.reduceat(start_scores[:, CLS] + end_scores[:, CLS], leading),
    )


class _Window(NamedTuple):
    row: int
    ids: np.ndarray  # (length,)
    types: np.ndarray  # (length,)
    chars: np.ndarray  # (length, 2): char_start and char_end of `dev_windows`


def _windows(
    rows: Dataset, tokenizer: PreTrainedTokenizerBase, max_length: int, doc_stride: int, max_question_length: int
) -> Iterator[_Window]:
    """The windows of all questions, in order.

    Every context is tokenized once, however many questions it has. That gives the same windows as the tokenizer's own
    `return_overflowing_tokens`, which tokenizes the members of a pair apart, too.
    """
    frame, types = _frame(tokenizer)
    texts = rows["context"][:]
    distinct = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    contexts = _tokenize(list(distinct), tokenizer)
    questions = _tokenize([text.strip() for text in rows["question"][:]], tokenizer)
    for row, (text, (question, _)) in enumerate(zip(texts, questions, strict=True)):
        context, chars = contexts[distinct[text]]
        if not (chars[:, 1] > chars[:, 0]).any():
            raise ValueError(f"question {rows['id'][row]}: the tokenizer finds nothing in its context {text[:40]!r}")
        question = question[:max_question_length]
        room = max_length - len(question) - sum(map(len, frame))
        for begin in range(0, max(len(context) - doc_stride, 1), room - doc_stride):
            inside = slice(begin, begin + room)
            parts = [frame[0], question, frame[1], context[inside], frame[2]]
            sizes = [len(part) for part in parts]
            first = sum(sizes[:3])
            places = np.zeros((sum(sizes), 2), np.int32)
            places[first : first + sizes[3]] = chars[inside]
            yield _Window(row, np.concatenate(parts), np.repeat(types, sizes), places)


def _frame(tokenizer: PreTrainedTokenizerBase) -> tuple[list[np.ndarray], np.ndarray]:
    """The special tokens before, between and after a pair of texts; and the token type of each of the five parts."""
    pair = tokenizer("a", "a")
    ids = np.array(pair["input_ids"], np.int32)
    if ids[CLS] != tokenizer.cls_token_id:
        raise ValueError(f"{type(tokenizer).__name__} does not put {tokenizer.cls_token} in front of its inputs")
    types = np.array(pair.get("token_type_ids", np.zeros_like(ids)), np.int8)
    left, right = (np.flatnonzero([side == member for side in pair.sequence_ids()]) for member in (0, 1))
    frame = [ids[: left[0]], ids[left[-1] + 1 : right[0]], ids[right[-1] + 1 :]]
    return frame, types[[CLS, left[0], left[-1] + 1, right[0], right[-1] + 1]]


def _tokenize(texts: list[str], tokenizer: PreTrainedTokenizerBase) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ids (tokens,) of each text, and where each token stands (tokens, 2), white space in front of it left out."""
    found = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    return [
        (np.array(ids, np.int32), _without_blanks(text, np.array(chars, np.int32).reshape(-1, 2)))
        for text, ids, chars in zip(texts, found["input_ids"], found["offset_mapping"], strict=True)
    ]


def _without_blanks(text: str, chars: np.ndarray) -> np.ndarray:
    blank = np.fromiter(map(str.isspace, text), bool, len(text))
    here = np.append(np.where(blank, len(text), np.arange(len(text))), len(text))
    following = np.minimum.accumulate(here[::-1])[::-1]  # position of the next character that is not blank
    return np.column_stack([np.minimum(following[chars[:, 0]], chars[:, 1]), chars[:, 1]]).astype(np.int32)


def _char_span(answers: dict[str, list]) -> tuple[int, int] | None:
    if not answers["text"]:
        return None
    text = answers["text"][0]
    start = answers["answer_start"][0] + len(text) - len(text.lstrip())
    return start, start + len(text.strip())


def _token_span(chars: np.ndarray, answer: tuple[int, int] | None) -> tuple[int, int]:
    """First and last position of the tokens that cover the answer."""
    if answer is None:
        return CLS, CLS
    start, end = answer
    positions = np.flatnonzero(chars[:, 1] > chars[:, 0])
    starts, ends = chars[positions].T
    if not len(positions) or start < starts[0] or end > ends[-1]:
        return CLS, CLS
    first, last = np.searchsorted(ends, start, side="right"), np.searchsorted(starts, end) - 1
    return (positions[first], positions[last]) if first <= last else (CLS, CLS)


def _inputs(windows: list[_Window], tokenizer: PreTrainedTokenizerBase) -> dict[str, pa.Array]:
    inputs = {
        "input_ids": [window.ids for window in windows],
        "token_type_ids": [window.types for window in windows],
        "attention_mask": [np.ones_like(window.types) for window in windows],
    }
    lengths = pa.array([len(window.ids) for window in windows])
    return {name: _lists(inputs[name]) for name in tokenizer.model_input_names} | {"length": lengths}


def _lists(arrays: list[np.ndarray]) -> pa.ListArray:
    ends = np.cumsum([0, *map(len, arrays)], dtype=np.int32)
    return pa.ListArray.from_arrays(ends, np.concatenate(arrays))


def _dense(lists: pa.ChunkedArray) -> np.ndarray:
    """(lists, length of the longest), filled up with zeros."""
    lists = lists.combine_chunks()
    lengths = lists.value_lengths().to_numpy()
    dense = np.zeros((len(lengths), lengths.max()), np.int32)
    dense[np.arange(dense.shape[1]) < lengths[:, None]] = lists.flatten().to_numpy()
    return dense
