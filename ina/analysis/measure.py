"""Measure a trained model while it reads."""

from __future__ import annotations

import datetime
import platform
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from torch import nn
from transformers import PreTrainedTokenizerBase

from .. import data, models, record, saved_models
from ..compose import CONFIG_DIR
from ..config import RunConfig
from ..record import Record
from ..tasks.spans import best_spans, dev_windows
from . import attention, gates, measurement, texts
from .measurement import ALL, Measurement, Reading, Row
from .texts import KINDS, Passage, Span, Tokens

DECIMALS = 6
TOGETHER = 16  # passages at once


class Opened:
    """A trained model with what belongs to it; the adapter stays unmerged.

    Args:
        folder: Of a saved model, see `ina.saved_models`.

    Raises:
        FileNotFoundError: The folder lacks a file.
        ValueError: A file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / saved_models.RECORD_FILE).is_file():
            raise FileNotFoundError(
                f"{folder / saved_models.RECORD_FILE} is missing; a run with keep_model=true leaves such a folder "
                "under <output_dir>/models"
            )
        self.run: Record = record.read(folder / saved_models.RECORD_FILE)
        self.cfg: RunConfig = saved_models.settings(self.run)
        self.tokenizer: PreTrainedTokenizerBase = models.load_tokenizer(self.cfg.model)
        self.model: nn.Module = saved_models.load(folder, self.cfg)

    def tokens(self, passage: Passage) -> Tokens:
        """A passage as the model read its training examples."""
        stride = getattr(self.cfg.task, "doc_stride", 0)
        return texts.tokens(passage, self.tokenizer, self.cfg.task.max_length, stride)

    @torch.no_grad()
    def answer(self, passage: Passage) -> Span | None:
        """Where a model for reading comprehension finds the answer, (start, end) in characters; else None."""
        if self.cfg.task.family != "squad" or passage.question is None:
            return None
        rows = Dataset.from_dict({"id": ["0"], "context": [passage.text], "question": [passage.question]})
        task = self.cfg.task
        lengths = {name: getattr(task, name) for name in ("max_length", "doc_stride", "max_question_length")}
        windows = dev_windows(rows, self.tokenizer, **lengths)
        names = [name for name in self.tokenizer.model_input_names if name in windows.column_names]
        outputs = [self.model(**{name: torch.tensor([one[name]]) for name in names}) for one in windows]
        width = max(windows["length"])
        starts, ends = (
            np.stack([np.pad(of[0].numpy(), (0, width - len(of[0])), constant_values=-1e4) for of in scores])
            for scores in ([one.start_logits for one in outputs], [one.end_logits for one in outputs])
        )
        found = best_spans(starts, ends, windows, n_best=task.n_best, max_answer_length=task.max_answer_length)
        return int(found.start[0]), int(found.end[0])


def measure(model: nn.Module, read: Sequence[Tokens]) -> list[Row]:
    """What gate and attention do while `model` reads the passages.

    Passages of like length are read together and nothing is padded. A threshold over everything in a batch is taken
    over each passage alone.
    """
    encoder, adapted = attention.encoder(model), gates.sites(model)
    watches = [gates.Watch(site) for site in adapted]
    alone = any(site.gate and site.gate.threshold == "tensor" for site in adapted)
    mass, moved = [], []
    for some in _alike(read, 1 if alone else TOGETHER):
        inputs = {name: torch.cat([one.inputs[name] for one in some]) for name in some[0].inputs}
        kinds = [one.kinds for one in some]
        with gates.watching(watches, sum(kinds, ())):
            maps = attention.maps(encoder, inputs)
        mass.append(attention.mass(maps, kinds))
        if adapted:
            with attention.merged(adapted):
                moved.append(attention.distance(maps, attention.maps(encoder, inputs)))
    rows: list[Row] = [
        (0, "", "share", ALL, kind, of) for kind, of in texts.shares([one.kinds for one in read]).items()
    ]
    rows += [row for watch in watches for row in watch.rows()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a kind of which no passage has a token
        paid = np.nanmean(np.concatenate(mass), axis=0)
    for (layer, by, to), value in np.ndenumerate(paid):
        rows.append((layer + 1, "", "attention", (ALL, *KINDS)[by], KINDS[to], value))
    if adapted:
        rows += [(layer, "", "moved", ALL, "", of) for layer, of in enumerate(np.concatenate(moved).mean(axis=0), 1)]
    return [(*names, round(float(value), DECIMALS)) for *names, value in rows if not np.isnan(value)]


def _alike(read: Sequence[Tokens], most: int) -> Iterator[list[Tokens]]:
    """The passages in groups of equal length, at most so many in each."""
    groups: dict[int, list[Tokens]] = {}
    for one in read:
        groups.setdefault(len(one.kinds), []).append(one)
    for group in groups.values():
        yield from (group[start : start + most] for start in range(0, len(group), most))


def reading(opened: Opened, passage: Passage) -> Reading:
    """How the model reads one passage."""
    encoder, adapted = attention.encoder(opened.model), gates.sites(opened.model)
    read = opened.tokens(passage)
    maps, merged, answer = attention.maps(encoder, read.inputs)[:, 0], None, opened.answer(passage)
    if adapted:
        with attention.merged(adapted):
            merged = attention.maps(encoder, read.inputs)[:, 0].numpy().round(4).tolist()
    return Reading(
        words=list(read.words),
        kinds=list(read.kinds),
        answer=passage.text[slice(*answer)] if answer else None,
        maps=maps.numpy().round(4).tolist(),
        merged_maps=merged,
    )


def measure_run(folder: Path, root: Path, command: str) -> tuple[Path, bool]:
    """Measure a kept model over its dev set and write that under `root`, unless it is there already.

    Returns:
        The file, and whether it is new.

    Raises:
        RecordError: The measurement there is of another run of the same name.
        FileNotFoundError, ValueError: The model or its data cannot be had.
    """
    run = record.read(folder / saved_models.RECORD_FILE)
    file = measurement.path(root, run)
    if there := measurement.read(file).get(run.id):
        measurement.checked(file, there, run)
        return file, False
    opened = Opened(folder)
    examples = data.load(opened.cfg.task.name, opened.cfg.data)
    if examples.fingerprint != run.data.fingerprint:
        raise ValueError(
            f"the data of {run.id} are not those that it was trained on; INA_DATA_DIR names another folder?"
        )
    split, passages = texts.dev_passages(opened.cfg, examples)
    read = [opened.tokens(passage) for passage in passages]
    commit, dirty = record.git_state(CONFIG_DIR.parent)
    found = Measurement(
        **run.model_dump(include={"id", "model", "task", "method", "seed", "fingerprint"}),
        split=split,
        passages=len(read),
        tokens=sum(len(one.kinds) for one in read),
        rows=measure(opened.model, read),
        example=reading(opened, texts.EXAMPLE) if opened.cfg.task.family == "squad" else None,
        origin={
            "commit": commit,
            "dirty": dirty,
            "command": command,
            "python": platform.python_version(),
            "versions": record.versions(),
            "measured": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        },
    )
    return measurement.add(root, run, found), True
