"""Windows over long contexts and answer spans in them, for extractive question answering.

A window is one model input: the question, then a part of the context. A context that does not fit into one window gets
several. Neighbours share `doc_stride` tokens, so an answer up to that long is whole in one of them (Devlin et al. 2019,
sections 4.2 and 4.3). In the code of that paper "doc stride" is the distance between windows; here it is their overlap,
as in transformers.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from datasets import Dataset
from numpy.lib.stride_tricks import sliding_window_view
from transformers import PreTrainedTokenizerBase

from ..config import SquadTask

CLS = 0
"""The target position in a window that does not contain the answer."""

TOKENIZER_BATCH = 1000
"""Questions tokenized at once."""


class Window(NamedTuple):
    """One input of the model, and the positions of its tokens in the text.

    row: index of the question
    inputs: outputs of the tokenizer, (length,) each
    chars: (length, 2), start and end of each token in the context; equal if the token is blank or not in the context
    """

    row: int
    inputs: dict[str, np.ndarray]
    chars: np.ndarray


def windows(task: SquadTask, rows: Dataset, tokenizer: PreTrainedTokenizerBase) -> Iterator[Window]:
    """The windows of all questions of rows with `id`, `question` and `context`, in order.

    A window has at most `task.max_length` tokens and shares `task.doc_stride` with its neighbour. Questions are cut
    after `task.max_question_length` tokens.

    Raises:
        ValueError: No window of a question has a token of its context.
    """
    for start in range(0, len(rows), TOKENIZER_BATCH):
        batch = rows[start : start + TOKENIZER_BATCH]
        encoded = tokenizer(
            cut_questions(task, batch["question"], tokenizer),
            batch["context"],
            truncation="only_second",
            max_length=task.max_length,
            stride=task.doc_stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        read = np.zeros(len(batch["id"]), bool)
        for number, row in enumerate(encoded["overflow_to_sample_mapping"]):
            inputs = {name: np.array(encoded[name][number], np.int32) for name in tokenizer.model_input_names}
            chars = np.array(encoded["offset_mapping"][number])
            chars[np.array(encoded.sequence_ids(number)) != 1] = 0
            chars = _without_blanks(batch["context"][row], chars)
            read[row] |= (chars[:, 1] > chars[:, 0]).any()
            yield Window(start + row, inputs, chars)
        for row in np.flatnonzero(~read):
            text = batch["context"][row][:40]
            raise ValueError(f"question {batch['id'][row]}: the tokenizer finds nothing in its context {text!r}")


def cut_questions(task: SquadTask, questions: list[str], tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The questions, stripped and cut after `task.max_question_length` tokens."""
    questions = [text.strip() for text in questions]
    short = {"truncation": True, "max_length": task.max_question_length, "add_special_tokens": False}
    offsets = tokenizer(questions, return_offsets_mapping=True, **short)["offset_mapping"]
    return [text[: max((end for _, end in spans), default=0)] for text, spans in zip(questions, offsets, strict=True)]


def _without_blanks(text: str, chars: np.ndarray) -> np.ndarray:
    """`chars` without the white space at the start of each token."""
    blank = np.fromiter(map(str.isspace, text), bool, len(text))
    positions = np.append(np.where(blank, len(text), np.arange(len(text))), len(text))
    following = np.minimum.accumulate(positions[::-1])[::-1]  # position of the next character that is not blank
    return np.column_stack([np.minimum(following[chars[:, 0]], chars[:, 1]), chars[:, 1]])


def features(all_windows: list[Window]) -> Dataset:
    """The model inputs of windows."""
    return Dataset.from_dict({name: [one.inputs[name] for one in all_windows] for name in all_windows[0].inputs})


def answer_positions(all_windows: list[Window], rows: Dataset) -> list[tuple[int, int]]:
    """The first and the last token of the first answer, for each window.

    Both are `CLS` if the window does not contain the whole answer or the question has none.
    """
    answers = rows["answers"][:]
    return [_token_span(window.chars, answers[window.row]) for window in all_windows]


def _token_span(chars: np.ndarray, answers: dict[str, list]) -> tuple[int, int]:
    """First and last position of the tokens that cover the stripped answer."""
    if not answers["text"]:
        return CLS, CLS
    text = answers["text"][0]
    end = answers["answer_start"][0] + len(text.rstrip())
    start = end - len(text.strip())
    positions = np.flatnonzero(chars[:, 1] > chars[:, 0])
    starts, ends = chars[positions].T
    if not len(positions) or start < starts[0] or end > ends[-1]:
        return CLS, CLS
    first, last = np.searchsorted(ends, start, side="right"), np.searchsorted(starts, end) - 1
    return (positions[first], positions[last]) if first <= last else (CLS, CLS)


class Spans(NamedTuple):
    """The best span of each question, over all of its windows; every field is (questions,).

    start, end: characters of the context, the end excluded
    score: sum of the start's and the end's score
    null_score: the lowest "no answer" score among the windows
    """

    start: np.ndarray
    end: np.ndarray
    score: np.ndarray
    null_score: np.ndarray


def best_spans(task: SquadTask, all_windows: list[Window], start_scores: np.ndarray, end_scores: np.ndarray) -> Spans:
    """Search the `task.n_best` best starts of each window, each with its best end within `task.max_answer_length`.

    The usual n-best search also requires the end to be among the best ends of its window. Without this rule the span
    is never worse, and there always is one. Ties go to the earlier window.

    Args:
        start_scores, end_scores: (windows, tokens), finite; at least as many tokens as in the longest window.
    """
    longest = max(len(window.chars) for window in all_windows)
    chars = np.stack([np.pad(window.chars, [(0, longest - len(window.chars)), (0, 0)]) for window in all_windows])
    char_start, char_end = chars[..., 0], chars[..., 1]
    in_context = char_end > char_start
    starts, ends = (np.where(in_context, scores[:, :longest], -np.inf) for scores in (start_scores, end_scores))
    padded = np.pad(ends, [(0, 0), (0, task.max_answer_length - 1)], constant_values=-np.inf)
    in_reach = sliding_window_view(padded, task.max_answer_length, axis=1)  # (windows, length, max_answer_length)
    scores = starts + in_reach.max(axis=-1)
    each = np.arange(len(scores))
    candidates = np.argsort(-starts, axis=1, kind="stable")[:, : task.n_best]
    first = candidates[each, np.take_along_axis(scores, candidates, axis=1).argmax(axis=1)]
    last = first + in_reach[each, first].argmax(axis=-1)
    score = scores[each, first]

    row = np.array([window.row for window in all_windows])
    leading = np.flatnonzero(np.diff(row, prepend=-1))  # the first window of each question
    best = np.lexsort((-score, row))[leading]
    return Spans(
        start=char_start[best, first[best]],
        end=char_end[best, last[best]],
        score=score[best],
        null_score=np.minimum.reduceat(start_scores[:, CLS] + end_scores[:, CLS], leading),
    )
