"""Training and evaluation: transformers' Trainer, batches of like length, every epoch measured and kept.

Knows no task and no method: it gets a model, features to train on and dev sets that score themselves.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from torch import nn
from torch.utils.data import Sampler
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase, PrinterCallback, Trainer, TrainingArguments

from . import checkpoint
from .config import TrainConfig
from .record import Evaluation, write_atomically
from .task import KEYS, DevSet, Scored

logger = logging.getLogger(__name__)

MEGA_BATCH = 50  # batches drawn at random before sorting by length: like lengths within, random order between


@dataclass(frozen=True)
class Trained:
    """What a training run gives back.

    evaluations: one an epoch, in order
    predictions: one row a dev example, what the best and the last epoch predicted for it
    seconds: of training and evaluation, summed over restarts
    samples_per_second: training examples over training time, evaluation and checkpoints left out
    """

    evaluations: list[Evaluation]
    best: Evaluation
    last: Evaluation
    predictions: pd.DataFrame
    seconds: float
    samples_per_second: float
    peak_memory_mb: float | None
    device: str
    processes: int


def resolve_dtype(name: str) -> str:
    """The number format that `train.dtype` stands for on this machine: bfloat16 only where it is native."""
    if name != "auto":
        return name
    if torch.cuda.is_available():
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if native else "float32"


def fit(
    model: nn.Module,
    features: Dataset,
    dev_sets: list[DevSet],
    tokenizer: PreTrainedTokenizerBase,
    settings: TrainConfig,
    *,
    headline: str,
    seed: int,
    folder: Path,
    report_to: list[str],
) -> Trained:
    """Train `model` on `features`, measure it on every dev set after every epoch, and resume where `folder` left off.

    `folder` holds the checkpoint of the last epoch and the outcome of each (see `ina.checkpoint`); a run that was
    killed and is called again with the same folder goes on from there, to the same numbers. The caller removes the
    folder when it has recorded the result.
    """
    if settings.threads:
        torch.set_num_threads(settings.threads)
    _reset_peak_memory()
    trainer = _Trainer(
        model=model,
        args=_arguments(settings, len(features), seed, folder, report_to),
        train_dataset=features.to_list(),
        data_collator=DataCollatorWithPadding(tokenizer),
        lengths=[len(ids) for ids in features["input_ids"]],
        effective_batch=settings.batch_size,
        dev_sets=dev_sets,
        folder=folder,
    )
    trainer.remove_callback(PrinterCallback)  # a table of its own every epoch
    with trainer.args.main_process_first():
        start = checkpoint.newest(folder)
    trainer.train(resume_from_checkpoint=str(start) if start else None)
    outcomes = [json.loads(_outcome(folder, epoch).read_text()) for epoch in range(1, settings.epochs + 1)]
    evaluations = [Evaluation(**outcome["evaluation"]) for outcome in outcomes]
    best = max(evaluations, key=lambda evaluation: (evaluation.metrics[headline], -evaluation.epoch))
    chosen = {"best": _predictions(folder, best.epoch), "last": _predictions(folder, settings.epochs)}
    keys = [key for key in KEYS if key in chosen["best"]]
    values = [frame.drop(columns=keys).add_prefix(f"{rule}_") for rule, frame in chosen.items()]
    train_seconds = sum(outcome["train_seconds"] for outcome in outcomes)
    return Trained(
        evaluations=evaluations,
        best=best,
        last=evaluations[-1],
        predictions=pd.concat([chosen["best"][keys], *values], axis=1),
        seconds=train_seconds + sum(outcome["dev_seconds"] for outcome in outcomes),
        samples_per_second=len(features) * settings.epochs / train_seconds,
        peak_memory_mb=_peak_memory_mb(trainer.args.device),
        device=_device_name(trainer.args.device),
        processes=trainer.args.world_size,
    )


def _arguments(
    settings: TrainConfig, examples: int, seed: int, folder: Path, report_to: list[str]
) -> TrainingArguments:
    processes = int(os.environ.get("WORLD_SIZE", 1))
    on_device, accumulation = split_batch(settings.batch_size, processes, settings.device_batch_size)
    steps = math.ceil(examples / settings.batch_size) * settings.epochs
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=on_device,
        gradient_accumulation_steps=accumulation,
        per_device_eval_batch_size=settings.eval_batch_size,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=math.ceil(settings.warmup_ratio * steps),
        weight_decay=settings.weight_decay,
        adam_beta1=settings.betas[0],
        adam_beta2=settings.betas[1],
        adam_epsilon=settings.epsilon,
        max_grad_norm=settings.max_grad_norm,
        use_cpu=not torch.accelerator.is_available(),
        bf16=resolve_dtype(settings.dtype) == "bfloat16",
        seed=seed,
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="epoch",
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        report_to=report_to,
        disable_tqdm=not (sys.stderr.isatty() and logger.isEnabledFor(logging.INFO)),
        log_level="error",
    )


def split_batch(effective: int, processes: int, most: int | None) -> tuple[int, int]:
    """Examples per device and accumulation steps whose product with the number of processes is the effective batch.

    Raises:
        ValueError: The effective batch cannot be split evenly.
    """
    if effective % processes:
        raise ValueError(f"train.batch_size={effective} is not a multiple of the {processes} processes")
    share = effective // processes
    on_device = min(share, most or share)
    if share % on_device:
        raise ValueError(f"train.device_batch_size={most} does not divide {share}, the share of a process in the batch")
    return on_device, share // on_device


class LengthSampler(Sampler[int]):
    """Draws every example once an epoch, in batches of like length; a function of seed and epoch alone.

    So every method sees the same batches in the same order under the same seed, and a resumed run sees the batches
    that the killed one would have seen.
    """

    def __init__(self, lengths: list[int], batch_size: int, seed: int) -> None:
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration is for, counted from 0."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = np.random.default_rng([self.seed, self.epoch])
        order = generator.permutation(len(self.lengths))
        mega = MEGA_BATCH * self.batch_size
        chunks = [order[start : start + mega] for start in range(0, len(order), mega)]
        order = np.concatenate([chunk[np.argsort(-self.lengths[chunk], kind="stable")] for chunk in chunks])
        whole = len(order) // self.batch_size * self.batch_size
        batches = generator.permutation(order[:whole].reshape(-1, self.batch_size))
        yield from batches.ravel().tolist()
        yield from order[whole:].tolist()


class _Trainer(Trainer):
    def __init__(
        self, *, lengths: list[int], effective_batch: int, dev_sets: list[DevSet], folder: Path, **settings: Any
    ) -> None:
        super().__init__(**settings, eval_dataset=[])
        self.sampler = LengthSampler(lengths, effective_batch, self.args.seed)
        self.dev_sets = [_Sorted(dev_set) for dev_set in dev_sets]
        self.folder = folder
        self.clock = time.perf_counter()

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthSampler:
        return self.sampler

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Measure all dev sets and keep the outcome of this epoch in the run's folder."""
        trained = time.perf_counter()
        scored = [dev_set.score(self._outputs(dev_set)) for dev_set in self.dev_sets]
        metrics = {name: value for one in scored for name, value in one.metrics.items()}
        epoch = round(self.state.epoch)
        evaluation = Evaluation(
            epoch=epoch,
            metrics=metrics,
            degenerate=any(one.degenerate for one in scored),
            train_loss=next((log["loss"] for log in reversed(self.state.log_history) if "loss" in log), None),
        )
        measured = time.perf_counter()
        if self.is_world_process_zero():
            predictions = pd.concat([one.predictions for one in scored], ignore_index=True)
            write_atomically(_outcome(self.folder, epoch, "parquet"), predictions.to_parquet)
            outcome = {
                "evaluation": evaluation.model_dump(),
                "train_seconds": trained - self.clock,
                "dev_seconds": measured - trained,
            }
            write_atomically(_outcome(self.folder, epoch), lambda file: file.write_text(json.dumps(outcome)))
        told = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        logger.info("epoch %d of %d: %s", epoch, self.args.num_train_epochs, told)
        self.log({f"eval_{name}": value for name, value in metrics.items()})
        return {f"eval_{name}": value for name, value in metrics.items()}

    def _outputs(self, dev_set: _Sorted) -> tuple[np.ndarray, ...]:
        loader = self.get_eval_dataloader(dev_set.features)
        found = self.evaluation_loop(loader, "dev", prediction_loss_only=False).predictions
        return found if isinstance(found, tuple) else (found,)

    def _save_checkpoint(self, *args: Any, **settings: Any) -> None:
        super()._save_checkpoint(*args, **settings)
        if self.is_world_process_zero():
            checkpoint.seal(self.folder / f"checkpoint-{self.state.global_step}")
        self.clock = time.perf_counter()  # the next epoch's training time starts here


class _Sorted:
    """A dev set with its features sorted by length, so that large batches hardly need padding."""

    def __init__(self, dev_set: DevSet) -> None:
        order = np.argsort(dev_set.features["length"], kind="stable")
        self.place = np.argsort(order)
        self.features = dev_set.features.remove_columns("length").select(order).to_list()
        self._score = dev_set.score

    def score(self, outputs: tuple[np.ndarray, ...]) -> Scored:
        return self._score(tuple(output[self.place] for output in outputs))


def _outcome(folder: Path, epoch: int, suffix: str = "json") -> Path:
    return folder / "epochs" / f"{epoch}.{suffix}"


def _predictions(folder: Path, epoch: int) -> pd.DataFrame:
    return pd.read_parquet(_outcome(folder, epoch, "parquet"))


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return device.type
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), device.type)


def _reset_peak_memory() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):  # Linux only: makes VmHWM count from here
        Path("/proc/self/clear_refs").write_text("5")


def _peak_memory_mb(device: torch.device) -> float | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))
