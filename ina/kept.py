"""Trained models that runs leave behind with ``keep_model=true``, for whoever looks inside them.

The folder of one, `<output_dir>/models/<experiment>/<data source>/<run>`, holds the weights after the last epoch:
adapter and head as PEFT saves them or, after full fine-tuning, the whole model as transformers does. Beside them lies
`record.json`, a copy of the run's record, which says what they are.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from torch import nn

from .record import ADHOC, Record

RECORD_FILE = "record.json"


def path(output_dir: str | Path, experiment: str | None, source: str, run_id: str) -> Path:
    """The folder of a run's model."""
    return Path(output_dir) / "models" / (experiment or ADHOC) / source / run_id


def save(model: nn.Module, run: Record, output_dir: str | Path) -> Path:
    """Keep the model that `run` trained, in place of what an earlier run of this name left."""
    folder = path(output_dir, run.experiment, run.source, run.id)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        model.save_pretrained(partial)
        (partial / RECORD_FILE).write_text(run.model_dump_json(indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder
