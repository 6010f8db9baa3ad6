"""Measure a trained model while it reads."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from torch import nn
from transformers import PreTrainedTokenizerBase

from .. import data, models, record, saved_models
from ..config import CONFIG_DIR, RunConfig
from ..record import Record, RecordError
from ..tasks.spans import best_spans, dev_windows
from . import attention, gates, measurement, texts
from .measurement import Findings, Measurement, Origin, Reading, SiteFindings
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


def measure(model: nn.Module, read: Sequence[Tokens]) -> Findings:
    """What gate and attention do while `model` reads the passages.

    Passages of like length are read together and nothing is padded. A threshold over everything in a batch is taken
    over each passage alone.
    """
    encoder, adapted = attention.encoder(model), gates.sites(model)
    watches = [gates.Watch(site) for site in adapted]
    alone = any(site.gate and site.gate.threshold == "tensor" for site in adapted)
    mass, elsewhere = [], []
    for some in _alike(read, 1 if alone else TOGETHER):
        inputs = {name: torch.cat([one.inputs[name] for one in some]) for name in some[0].inputs}
        kinds = [one.kinds for one in some]
        with gates.watching(watches, sum(kinds, ())):
            maps = attention.maps(encoder, inputs)
        mass.append(attention.mass(maps, kinds))
        if adapted:
            with attention.merged(adapted):
                elsewhere.append(attention.distance(maps, attention.maps(encoder, inputs)))
    return Findings(
        passages=len(read),
        tokens=sum(len(one.kinds) for one in read),
        shares=_rounded(texts.shares([one.kinds for one in read])),
        sites=[_of_site(watch) for watch in watches],
        mass=[_of_layer(layer) for layer in _mean_of_known(np.concatenate(mass))],
        merged=np.concatenate(elsewhere).mean(axis=0).round(DECIMALS).tolist() if adapted else None,
    )


def _alike(read: Sequence[Tokens], most: int) -> Iterator[list[Tokens]]:
    """The passages in groups of equal length, at most so many in each."""
    groups: dict[int, list[Tokens]] = {}
    for one in read:
        groups.setdefault(len(one.kinds), []).append(one)
    for group in groups.values():
        yield from (group[start : start + most] for start in range(0, len(group), most))


def _of_site(watch: gates.Watch) -> SiteFindings:
    before, behind = watch.ranks()
    with np.errstate(invalid="ignore"):
        means = {name: of.sum() / watch.counts[name].sum() for name, of in watch.sums.items()}
        by_kind = {name: dict(zip(KINDS, of / watch.counts[name], strict=True)) for name, of in watch.sums.items()}
    return SiteFindings(
        layer=watch.site.layer,
        site=watch.site.name,
        means=_rounded(means),
        by_kind={name: _rounded(of) for name, of in by_kind.items()},
        rank_before=round(before, DECIMALS),
        rank_behind=round(behind, DECIMALS),
    )


def _of_layer(mass: np.ndarray) -> dict[str, dict[str, float]]:
    paid = {by: _rounded(dict(zip(KINDS, row, strict=True))) for by, row in zip(("all", *KINDS), mass, strict=True)}
    return {by: row for by, row in paid.items() if row}


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis, NaN left out."""
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=0) / known.sum(axis=0)


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), DECIMALS) for name, value in values.items() if not np.isnan(value)}


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
    if file.is_file():
        if measurement.read(file).fingerprint == run.fingerprint:
            return file, False
        raise RecordError(f"{file} is of another run than {folder}; delete it to measure again")
    opened = Opened(folder)
    examples = data.load(opened.cfg.task.name, opened.cfg.data)
    if examples.fingerprint != run.data.fingerprint:
        raise ValueError(
            f"the data of {run.id} are not those that it was trained on; INA_DATA_DIR names another folder?"
        )
    split, passages = texts.dev_passages(opened.cfg, examples)
    commit, dirty = record.git_state(CONFIG_DIR.parent)
    found = Measurement(
        **run.model_dump(include={"id", "model", "task", "method", "seed", "experiment", "source", "fingerprint"}),
        split=split,
        findings=measure(opened.model, [opened.tokens(passage) for passage in passages]),
        example=reading(opened, texts.EXAMPLE) if opened.cfg.task.family == "squad" else None,
        origin=Origin(
            commit=commit,
            dirty=dirty,
            command=command,
            python=platform.python_version(),
            versions=record.versions(),
            measured=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        ),
    )
    return measurement.write(root, found), True
