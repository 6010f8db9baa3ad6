"""The file of measurements inside the trained models of an experiment: a line of JSON for each run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from ..record import ADHOC, Record, RecordError, write_atomically

ALL = "all"  # tokens of every kind
COLUMNS = ("layer", "site", "measure", "by", "to", "value")
Row = tuple[int, str, str, str, str, float]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Reading(_Block):
    """How a model reads one passage: `maps` are (layers, tokens, tokens), mean over heads, rows sum to 1.

    In the file of an experiment there is one map, the mean over layers.
    """

    words: list[str]
    kinds: list[str]
    answer: str | None  # the model's
    maps: list[list[list[float]]]
    merged_maps: list[list[list[float]]] | None

    def over_layers(self) -> Reading:
        """The same reading with one map, the mean over layers."""

        def mean(maps: list | None) -> list | None:
            return maps and [np.mean(maps, axis=0).round(4).tolist()]

        return self.model_copy(update={"maps": mean(self.maps), "merged_maps": mean(self.merged_maps)})


class Measurement(_Block):
    """What was measured in the model of one run; names and fingerprint are those of the run's record.

    rows: one number each, mean over the passages, see COLUMNS. Layers count from 1; `by` is a kind of token or "all".
        At a site: the MEASURES of `ina.analysis.gates`, and with "all" the effective ranks of the update over all
        tokens, without the gate ("rank_before") and with it ("rank_behind").
        Without site: "attention" paid by tokens of kind `by` to tokens of kind `to`; the share of attention that is
        "moved" to other tokens if the linear part of the adapter is merged; and, as layer 0, the "share" of kind `to`
        among the tokens of a passage.
    example: how the model reads the paper's example, if the task has questions
    origin: commit, versions and command; null if unknown
    """

    id: str
    model: str
    task: str
    method: str
    seed: int
    fingerprint: str
    split: str
    passages: int
    tokens: int
    rows: list[Row]
    example: Reading | None
    origin: dict[str, Any]


def path(root: str | Path, run: Record) -> Path:
    """Where the measurements of a run's experiment and data source lie under `root`."""
    return Path(root) / "analysis" / f"{run.experiment or ADHOC}-{run.source}.jsonl"


def read(file: Path) -> dict[str, Measurement]:
    """The measurements of an experiment by run id; empty if there is no file.

    Raises:
        RecordError: The file is damaged.
    """
    measurements = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines() if file.is_file() else [], 1):
        try:
            measurement = Measurement.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "line"
            raise RecordError(
                f"{file}, line {number} is not a measurement: {where}: {first['msg']}. Delete it to measure again."
            ) from None
        measurements[measurement.id] = measurement
    return measurements


def of_runs(root: str | Path, runs: Sequence[Record]) -> list[Measurement]:
    """The measurements of the runs that have one, in the order of `runs`.

    Raises:
        RecordError: A file is damaged, or a measurement belongs to another run of the same name.
    """
    files = {file: read(file) for file in {path(root, run) for run in runs}}
    measurements = []
    for run in runs:
        file = path(root, run)
        if measurement := files[file].get(run.id):
            if measurement.fingerprint != run.fingerprint:
                raise RecordError(
                    f"{file}: the line of {run.id} is of another run of this name; delete it to measure again"
                )
            measurements.append(measurement)
    return measurements


def add(root: str | Path, run: Record, found: Measurement) -> Path:
    """Add or replace the measurement of a run; the file is written as a whole or not at all."""
    file = path(root, run)
    lines = [one.model_dump_json() + "\n" for one in (read(file) | {found.id: found}).values()]
    write_atomically(file, lambda partial: partial.write_text("".join(lines), encoding="utf-8"))
    return file


def frame(found: Measurement) -> pd.DataFrame:
    """The rows, with columns for the run's model, task, method and seed."""
    names = found.model_dump(include={"model", "task", "method", "seed"})
    return pd.DataFrame(found.rows, columns=COLUMNS).assign(**names)
