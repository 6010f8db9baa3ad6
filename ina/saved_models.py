"""Trained models that runs with ``keep_model=true`` save for later analysis.

The folder `<output_dir>/models/<experiment>/<data source>/<run>` holds the weights after the last epoch: adapter and
head as PEFT saves them, or, for methods without PEFT, the whole model as transformers saves it. The file `record.json`
in it is a copy of the run's record.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import torch
from peft import PeftConfig
from torch import nn

from . import methods, models
from .adapter import files
from .config import RunConfig, check
from .fingerprint import WITHOUT_PEFT
from .projections import split_fused_projections
from .record import ADHOC, Record, RecordError, read
from .tasks import Head, family

RECORD_FILE = "record.json"


def path(output_dir: str | Path, experiment: str | None, source: str, run_id: str) -> Path:
    """The folder of a run's model."""
    return Path(output_dir) / "models" / (experiment or ADHOC) / source / run_id


def save(model: nn.Module, run: Record, output_dir: str | Path) -> Path:
    """Save the model that `run` trained; replaces the model of an earlier run of this name."""
    folder = path(output_dir, run.experiment, run.source, run.id)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    try:
        # transformers would write the names of the original checkpoint, such as BERT's LayerNorm.gamma
        model.save_pretrained(partial, save_original_format=False)
        (partial / RECORD_FILE).write_text(run.model_dump_json(indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    finally:
        for left in folder.parent.glob(f".{folder.name}.*.partial"):  # also those of killed processes
            shutil.rmtree(left, ignore_errors=True)
    return folder


def settings(run: Record) -> RunConfig:
    """The settings of a recorded run; folders, which a record leaves out, are the defaults of `configs/run.yaml`."""
    places = {"results_dir": "results", "output_dir": "outputs", "keep_model": True}
    wandb = {"mode": "disabled", "project": "ina", "entity": None}
    return check(run.config | places | {"wandb": wandb, "data": run.config["data"] | {"dir": None}})


def load(folder: str | Path, cfg: RunConfig) -> nn.Module:
    """The trained model in `folder`, in float32 and ready for inference; an adapter stays unmerged.

    Args:
        folder: The folder of a kept model.
        cfg: The run's settings, which name backbone, method and task.

    Raises:
        FileNotFoundError: A file of the folder is missing.
        ValueError: A file is damaged, or belongs to another model.
    """
    head = family(cfg.task.family).head(cfg.task)
    if cfg.method.kind in WITHOUT_PEFT:
        return _load_whole(folder, cfg, head).eval()
    described, weights = files.read(folder)
    peft_type, expected = described.get("peft_type"), methods.peft_config(cfg.method).peft_type.value
    if peft_type != expected:
        raise ValueError(
            f"{Path(folder) / files.CONFIG_FILE}: peft_type is {peft_type!r}, but method={cfg.method.name} saves "
            f"{expected!r}; train it again with keep_model=true"
        )
    backbone = split_fused_projections(models.load(cfg.model, head, cfg.seed))
    return files.attach(backbone, PeftConfig.from_pretrained(str(folder)), weights, folder, "default")


def start_from(folder: Path, origin: Record, model: nn.Module, head: tuple[str, ...]) -> None:
    """Copy the weights that the run `origin` saved in `folder` into `model`, in place; the head is not changed.

    Args:
        folder: The folder of the kept model.
        origin: A run of the same backbone and method.
        model: A model that is ready to train.
        head: Names of the modules of its head.

    Raises:
        RecordError: `folder` does not hold the model of `origin`.
    """
    copy = folder / RECORD_FILE
    if not copy.is_file() or read(copy).fingerprint != origin.fingerprint:
        raise RecordError(
            f"{origin.id} is recorded, but {folder} does not hold its model; delete its record to train it again"
        )
    trained = dict(load(folder, settings(origin)).named_parameters())
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if not set(head) & set(name.split(".")):
                weight.copy_(trained[name])


def _load_whole(folder: str | Path, cfg: RunConfig, head: Head) -> nn.Module:
    """Load a model without an adapter; `from_pretrained` would drop gates and start a missing head at random."""
    file = Path(folder) / "model.safetensors"
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing; it holds all weights of a run with method={cfg.method.name}")
    itself = cfg.model.model_copy(update={"path": str(folder), "revision": None})
    model = models.untrained(itself, head)
    model, _ = methods.prepare(cfg.method, model, models.head_modules(itself, model))
    model.float()  # config.json names the dtype of the run
    try:
        model.load_state_dict(files.read_weights(file))
    except RuntimeError as error:
        raise ValueError(f"{file} does not fit {cfg.cell}: {error}") from None
    return model
