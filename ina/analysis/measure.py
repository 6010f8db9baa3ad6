"""Measure a trained model while it reads."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from torch import nn

from .. import data, models, record, saved_models, versions
from ..tasks import spans
from . import attention, gates, measurement, texts
from .measurement import ALL, Measurement, Reading, Row
from .texts import KINDS, Passage, Span, Tokens

DECIMALS = 6


class TrainedModel:
    """A trained model with its record, settings and tokenizer; the adapter stays unmerged.

    Args:
        folder: The folder of a saved model, see `ina.saved_models`.

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
        self.run = record.read(folder / saved_models.RECORD_FILE)
        self.cfg = saved_models.settings(self.run)
        self.tokenizer = models.load_tokenizer(self.cfg.model)
        self.model = saved_models.load(folder, self.cfg)

    def tokens(self, passage: Passage) -> Tokens:
        """The tokens of a passage, cut and joined as in training."""
        return texts.tokens(passage, self.tokenizer, self.cfg.task)

    @torch.no_grad()
    def answer(self, passage: Passage) -> Span | None:
        """Where the model finds the answer to the passage's question, (start, end) in characters.

        None if it finds none (SQuAD v2.0), if there is no question, or if the model's task is not SQuAD.
        """
        task = self.cfg.task
        if task.family != "squad" or passage.question is None:
            return None
        rows = Dataset.from_dict({"id": ["0"], "context": [passage.text], "question": [passage.question]})
        windows = list(spans.windows(task, rows, self.tokenizer))
        padded = self.tokenizer.pad([window.inputs for window in windows], return_tensors="pt")
        scores = self.model(**padded)
        starts, ends = scores.start_logits.numpy(), scores.end_logits.numpy()
        best = spans.best_spans(task, windows, starts, ends)
        if task.version_2 and best.null_score[0] - best.score[0] > task.null_threshold:
            return None
        return int(best.start[0]), int(best.end[0])

    def reading(self, passage: Passage) -> Reading:
        """How the model reads one passage."""
        adapted, merged = gates.sites(self.model), None
        read, answer = self.tokens(passage), self.answer(passage)
        maps = attention.attention_maps(self.model, read.inputs)
        if adapted:
            with attention.merged(adapted):
                merged = attention.attention_maps(self.model, read.inputs).numpy().round(4).tolist()
        return Reading(
            words=list(read.words),
            kinds=list(read.kinds),
            answer=passage.text[slice(*answer)] if answer else None,
            maps=maps.numpy().round(4).tolist(),
            merged_maps=merged,
        )


@torch.no_grad()
def measure(model: nn.Module, read: Sequence[Tokens]) -> list[Row]:
    """What gate and attention do while `model` reads the passages, one after the other."""
    adapted = gates.sites(model)
    observed, mass, moved = [], [], []
    moments = {site: torch.zeros(2, *[site.down.out_features] * 2, dtype=torch.float64) for site in adapted}
    for passage in read:
        with gates.watching(adapted) as inputs:
            maps = attention.attention_maps(model, passage.inputs)
        mass.append(attention.attention_by_kind(maps, passage.kinds))
        for site, h in inputs.items():
            z = site.down(h)
            values = {name: tensor.numpy() for name, tensor in gates.observe(site, h, z).items()}
            observed.append(pd.DataFrame(values).assign(layer=site.layer, site=site.name, by=passage.kinds))
            for total, components in zip(moments[site], (z, site.after_gate(z)), strict=True):
                total += components.double().T @ components.double()
        if adapted:
            with attention.merged(adapted):
                moved.append(attention.attention_moved(maps, attention.attention_maps(model, passage.inputs)))
    rows: list[Row] = []
    for kind in KINDS:
        rows.append(
            (0, "", "share", ALL, kind, np.mean([passage.kinds.count(kind) / len(passage.kinds) for passage in read]))
        )
    if adapted:
        tokens = pd.concat(observed)
        groups = pd.concat([tokens.assign(by=ALL), tokens]).groupby(["layer", "site", "by"], sort=False)
        for (layer, site, kind, name), value in groups.mean().stack().items():
            rows.append((layer, site, name, kind, "", value))
    for site, pair in moments.items():
        for name, total in zip(("rank_before", "rank_behind"), pair, strict=True):
            rows.append((site.layer, site.name, name, ALL, "", gates.effective_rank(total, site.up.weight)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a kind that no passage has
        paid = np.nanmean(mass, axis=0)
    for (layer, reader, target), value in np.ndenumerate(paid):
        rows.append((layer + 1, "", "attention", (ALL, *KINDS)[reader], KINDS[target], value))
    if adapted:
        rows += [(layer, "", "moved", ALL, "", share) for layer, share in enumerate(np.mean(moved, axis=0), 1)]
    return [(*names, round(float(value), DECIMALS)) for *names, value in rows if not np.isnan(value)]


def measure_run(folder: Path, root: Path, command: str) -> tuple[Path, bool]:
    """Measure a kept model over its dev set and write the result under `root`, unless it is there already.

    Returns:
        The file, and whether it is new.

    Raises:
        RecordError: The measurement there belongs to another run of the same name.
        FileNotFoundError, ValueError: The model or its data are missing, damaged or different.
    """
    run = record.read(folder / saved_models.RECORD_FILE)
    if measurement.of_runs(root, [run]):
        return measurement.path(root, run), False
    opened = TrainedModel(folder)
    examples = data.load(opened.cfg.task, opened.cfg.data)
    if examples.fingerprint != run.data.fingerprint:
        raise ValueError(
            f"the data found are not those that {run.id} was trained on; does INA_DATA_DIR name another folder?"
        )
    split, passages = texts.dev_passages(opened.cfg, examples)
    read = [opened.tokens(passage) for passage in passages]
    commit, dirty = versions.code()
    result = Measurement(
        **run.model_dump(include={"id", "model", "task", "method", "seed", "fingerprint"}),
        split=split,
        passages=len(read),
        tokens=sum(len(passage.kinds) for passage in read),
        rows=measure(opened.model, read),
        example=opened.reading(texts.EXAMPLE).over_layers() if opened.cfg.task.family == "squad" else None,
        origin={
            "commit": commit,
            "dirty": dirty,
            "command": command,
            "python": platform.python_version(),
            "versions": versions.packages(),
            "measured": record.now(),
        },
    )
    return measurement.add(root, run, result), True
