"""What stands behind a cell of a table: its records, the commits they come from, and the settings."""

from __future__ import annotations

from pathlib import Path

from ..record import record_path
from . import collect, layout
from .collect import Cell, Study

_LEFT_OUT = {("data", "source"), ("task", "family")}  # said elsewhere


def trace(results: Path, name: str, experiment: str | None = None) -> str:
    """Everything about the cell `<model>--<task>--<method>`, in every experiment that has it.

    Raises:
        ValueError: No experiment has it.
    """
    studies = list(collect.studies(results, experiment))
    found = [(study, cell) for study in studies for cell in study.cells.values() if cell.name == name]
    if not found:
        known = sorted({cell.name for study in studies for cell in study.cells.values()})
        raise ValueError(f"no record of a cell {name!r} under {results / 'runs'}; there are {', '.join(known)}")
    return "\n\n".join(_told(study, cell) for study, cell in found)


def _told(study: Study, cell: Cell) -> str:
    lines = [f"{cell.name}   experiment {study.experiment}, data source {study.source}", ""]
    for run in cell.runs:
        best, last = run.best, run.last
        origin = run.provenance
        commit = origin.commit[:12] if origin.commit else "unknown"
        scores = [layout.points(evaluation.metrics[cell.headline], 2) for evaluation in (best, last)]
        lines += [
            f"seed {run.seed}: {cell.headline} best {scores[0]} (epoch {best.epoch}), "
            f"last {scores[1]} (epoch {last.epoch})" + (", DEGENERATE" if best.degenerate or last.degenerate else ""),
            f"    commit {commit}{' with uncommitted changes' if origin.dirty else ''}, {origin.started}, "
            f"{origin.device}, {origin.processes} process(es), {origin.dtype}, {origin.threads} threads",
            f"    {origin.command}",
            f"    {record_path(study.root, run.experiment, run.source, run.id)}",
            f"    {study.root / str(run.predictions)}",
        ]
    first = cell.first
    rows = ", ".join(f"{count:,} {split}" for split, count in first.data.rows.items())
    lines += ["", f"data: {rows}; fingerprint {first.data.fingerprint}"]
    lines.append(f"weights: {first.params.adapter:,} adapter + {first.params.head:,} head of {first.params.total:,}")
    lines += [
        f"{section}: {_settings(first.config, section)}" for section in ("model", "task", "method", "data", "train")
    ]
    lines.append("versions: " + ", ".join(f"{name} {version}" for name, version in first.provenance.versions.items()))
    return "\n".join(lines)


def _settings(config: dict, section: str) -> str:
    shown = {key: value for key, value in config[section].items() if (section, key) not in _LEFT_OUT}
    return ", ".join(f"{key} {value}" for key, value in shown.items() if value is not None)
