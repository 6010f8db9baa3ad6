"""The file of what was measured in one trained model, and where it lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ..record import ADHOC, Record, RecordError, read_as, write_atomically

SCHEMA_VERSION = 1


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class SiteFindings(_Block):
    """What the adapter does at one projection, mean over all tokens: the MEASURES of `ina.analysis.gates`, by name."""

    layer: int  # counted from 1
    site: str
    means: dict[str, float]
    by_kind: dict[str, dict[str, float]]  # measure -> kind of token -> mean
    rank_before: float  # effective rank of the update over all tokens, without the gate
    rank_behind: float  # and with it


class Findings(_Block):
    """What was measured while a model read some passages.

    shares: mean share of each kind among the tokens of a passage
    mass: of each layer, attention paid by tokens of a kind, or by "all", to tokens of a kind; mean over passages that
        have them
    merged: of each layer, the share of attention that goes elsewhere once the linear part of the adapter is merged;
        null after full fine-tuning
    """

    passages: int
    tokens: int
    shares: dict[str, float]
    sites: list[SiteFindings]
    mass: list[dict[str, dict[str, float]]]
    merged: list[float] | None


class Reading(_Block):
    """How a model reads one passage: `maps` are (layers, tokens, tokens), mean over heads, rows sum to 1."""

    words: list[str]
    kinds: list[str]
    answer: str | None  # that the model gives
    maps: list[list[list[float]]]
    merged_maps: list[list[list[float]]] | None


class Origin(_Block):
    """Where a measurement comes from; unknown is null."""

    commit: str | None
    dirty: bool | None
    command: str
    python: str
    versions: dict[str, str]
    measured: str


class Measurement(_Block):
    """What was measured in the model that one run trained; names and fingerprint are those of its record."""

    schema_version: Literal[1] = SCHEMA_VERSION
    id: str
    model: str
    task: str
    method: str
    seed: int
    experiment: str | None
    source: str
    fingerprint: str
    split: str
    findings: Findings
    example: Reading | None  # of the paper, where the task has questions
    origin: Origin


def path(root: str | Path, run: Record | Measurement) -> Path:
    """Where the measurement of a run lies under `root`."""
    return Path(root) / "analysis" / (run.experiment or ADHOC) / run.source / f"{run.id}.json"


def read(file: Path) -> Measurement:
    """Read one measurement.

    Raises:
        RecordError: The file is damaged or of another schema version.
    """
    return read_as(Measurement, file, "Delete it to measure again.")


def of_runs(root: str | Path, runs: Iterable[Record]) -> Iterator[Measurement]:
    """The measurements of those of the runs that have one.

    Raises:
        RecordError: One is damaged, or of a model that another run of this name trained.
    """
    for run in runs:
        if (file := path(root, run)).is_file():
            found = read(file)
            if found.fingerprint != run.fingerprint:
                raise RecordError(f"{file} is of another run than the record of {run.id}; delete it to measure again")
            yield found


def write(root: str | Path, found: Measurement) -> Path:
    """Write a measurement under `root`, as a whole or not at all."""
    file = path(root, found)
    write_atomically(file, lambda partial: partial.write_text(found.model_dump_json() + "\n", encoding="utf-8"))
    return file
