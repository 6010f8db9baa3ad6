"""Training with transformers' Trainer, in batches of similar length, and evaluation after every epoch.

This module knows no task and no method: it gets a model, features to train on and dev sets that score themselves.
"""

import contextlib
import json
import logging
import math
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from datasets import Dataset
from safetensors import SafetensorError
from torch import nn
from transformers import (
    PreTrainedTokenizerBase,
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint

from . import batches, speed
from .config import TrainConfig
from .environment import resolve_dtype
from .record import Evaluation, clock, write_atomically
from .tasks import KEYS, DevSet, Scored

logger = logging.getLogger(__name__)

PROGRESS_S = 1.0  # seconds between two reports of progress


@dataclass(frozen=True)
class Trained:
    """The outcome of a training run.

    evaluations: one per epoch, in order
    predictions: one row per dev example, with the predictions of the best and the last epoch
    seconds: time of training and evaluation, summed over restarts
    samples_per_second: training examples per second of training, without evaluation and checkpoints
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
    callbacks: Iterable[TrainerCallback],
    on_progress: Callable[[str], None] = lambda _: None,
) -> Trained:
    """Train `model` on `features` and evaluate it on every dev set after every epoch.

    `folder` holds Trainer's checkpoint of the last epoch and, in `epochs/`, the outcome of each epoch. A killed run
    that is called again with the same folder resumes from there and gets the same numbers. The caller removes the
    folder after recording the result. `on_progress` is called every `PROGRESS_S`, after an optimiser step.
    """
    _reset_peak_memory()
    with speed.exact_products_by_onednn(), contextlib.ExitStack() as stack:
        if settings.fast:
            stack.enter_context(speed.faster(model, resolve_dtype(settings.dtype)))
        trainer = _Trainer(
            model=model,
            args=_arguments(settings, len(features), seed, folder, report_to),
            train_dataset=features.to_list(),
            data_collator=batches.Collator(tokenizer),
            effective_batch=settings.batch_size,
            dev_sets=dev_sets,
            folder=folder,
        )
        trainer.remove_callback(PrinterCallback)  # `evaluate` logs one line per epoch instead
        if trainer.pop_callback(ProgressCallback):
            trainer.add_callback(_QuietProgressBar)
        for callback in (*callbacks, _Clock(on_progress), _EndOfSave(trainer)):
            trainer.add_callback(callback)
        with trainer.args.main_process_first():
            start = last_complete_checkpoint(folder)
        trainer.train(resume_from_checkpoint=start)
    outcomes = [json.loads(_outcome(folder, epoch).read_text()) for epoch in range(1, settings.epochs + 1)]
    evaluations = [Evaluation(**outcome["evaluation"]) for outcome in outcomes]
    best = max(evaluations, key=lambda evaluation: evaluation.metrics[headline])  # the first of several
    epochs = {"best": best.epoch, "last": settings.epochs}
    chosen = {rule: pd.read_parquet(_outcome(folder, epoch, "parquet")) for rule, epoch in epochs.items()}
    trainer.accelerator.wait_for_everyone()  # the first process may remove the folder once all have read it
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
        peak_memory_mb=peak_memory_mb(trainer.args.device),
        device=device_name(trainer.args.device),
        processes=trainer.args.world_size,
    )


def _arguments(
    settings: TrainConfig, examples: int, seed: int, folder: Path, report_to: list[str]
) -> TrainingArguments:
    processes = int(os.environ.get("WORLD_SIZE", 1))
    on_device, accumulation = batches.divide_batch(settings.batch_size, processes, settings.device_batch_size)
    steps = math.ceil(examples / settings.batch_size) * settings.epochs
    arguments = TrainingArguments(
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
        tf32=settings.tf32 or None,
        gradient_checkpointing=settings.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        torch_compile=settings.compile,
        ddp_find_unused_parameters=False,
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
    # with several GPUs, Trainer would use DataParallel, which weights examples unequally
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


class _Trainer(Trainer):
    loss_is_scaled_for_ga = True  # by `compute_loss`

    def __init__(self, *, effective_batch: int, dev_sets: list[DevSet], folder: Path, **settings: Any) -> None:
        super().__init__(**settings, eval_dataset=[])
        # Trainer gives the number of labels to models that accept it as an argument. Most classifiers ignore it, and
        # their gradients would grow with accumulation and processes
        self.model_accepts_loss_kwargs = False
        self.effective_batch = effective_batch
        self.dev_sets = [_LengthSortedDevSet(dev_set) for dev_set in dev_sets]
        self.folder = folder
        self.clock = time.perf_counter()

    def get_train_dataloader(self) -> batches.Batches:
        return batches.Batches(
            self.train_dataset,
            self.data_collator,
            self.effective_batch,
            self.args.seed,
            micro_batches=self.args.gradient_accumulation_steps,
            process=self.args.process_index,
            processes=self.args.world_size,
        )

    def compute_loss(self, model: nn.Module, inputs: dict[str, Any], *_: Any, **__: Any) -> torch.Tensor:
        """This micro-batch's share of the mean loss of its effective batch. Trainer adds up micro-batches and averages
        over processes."""
        share = inputs.pop("share")
        return model(**inputs).loss * (share * self.args.world_size)

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Evaluate on all dev sets and save the outcome of this epoch in the run's folder."""
        trained = time.perf_counter()
        scored = [dev_set.score(self._outputs(dev_set)) for dev_set in self.dev_sets]
        metrics = {name: value for result in scored for name, value in result.metrics.items()}
        epoch = round(self.state.epoch)
        evaluation = Evaluation(
            epoch=epoch,
            metrics=metrics,
            degenerate=any(result.degenerate for result in scored),
            train_loss=next((log["loss"] for log in reversed(self.state.log_history) if "loss" in log), None),
        )
        measured = time.perf_counter()
        if self.is_world_process_zero():
            predictions = pd.concat([result.predictions for result in scored], ignore_index=True)
            write_atomically(_outcome(self.folder, epoch, "parquet"), predictions.to_parquet)
            outcome = {
                "evaluation": evaluation.model_dump(),
                "train_seconds": trained - self.clock,
                "dev_seconds": measured - trained,
            }
            write_atomically(_outcome(self.folder, epoch), lambda file: file.write_text(json.dumps(outcome)))
        shown = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
        logger.info("epoch %d of %d: %s", epoch, self.args.num_train_epochs, shown)
        logged = {f"eval_{name}": value for name, value in metrics.items()}
        self.log(logged)
        return logged

    def _outputs(self, dev_set: "_LengthSortedDevSet") -> tuple[np.ndarray, ...]:
        loader = self.get_eval_dataloader(dev_set.features)
        predictions = self.evaluation_loop(loader, "dev", prediction_loss_only=False).predictions
        outputs = predictions if isinstance(predictions, tuple) else (predictions,)
        if not all(np.isfinite(output).all() for output in outputs):
            raise ValueError(
                f"the model's scores are not finite after epoch {self.state.epoch:g}: training has diverged; "
                f"try a lower train.learning_rate than {self.args.learning_rate:g}"
            )
        return outputs

    def _save_checkpoint(self, *args: Any, **settings: Any) -> None:
        try:
            super()._save_checkpoint(*args, **settings)
        except (SafetensorError, RuntimeError) as error:  # safetensors and torch raise these on a full disk
            left = shutil.disk_usage(self.folder).free // 10**6
            raise OSError(f"the checkpoint in {self.folder} cannot be written, {left} MB are left: {error}") from error
        self.accelerator.wait_for_everyone()


COMPLETE = "whole"
"""The file that is written last into a checkpoint."""


def mark_complete(checkpoint: Path) -> None:
    """Mark a checkpoint as complete and remove all others. The outcomes of its epochs must be written already."""
    (checkpoint / COMPLETE).touch()
    for other in checkpoint.parent.glob("checkpoint-*"):
        if other != checkpoint:
            shutil.rmtree(other)


class _EndOfSave(TrainerCallback):
    """Comes last, so that a complete checkpoint holds what other callbacks have added."""

    def __init__(self, trainer: _Trainer) -> None:
        self.trainer = trainer

    def on_save(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        if state.is_world_process_zero:
            mark_complete(Path(args.output_dir) / f"checkpoint-{state.global_step}")
        self.trainer.clock = time.perf_counter()  # the next epoch's training time starts here


def last_complete_checkpoint(folder: Path) -> str | None:
    """The newest complete checkpoint in a run's folder, None if there is none.

    Newer, incomplete checkpoints are removed: the run was killed while it wrote them.
    """
    while checkpoint := get_last_checkpoint(folder) if folder.is_dir() else None:
        if (Path(checkpoint) / COMPLETE).is_file():
            break
        logger.warning("%s is not used: the run was killed while it was written", checkpoint)
        shutil.rmtree(checkpoint)
    return checkpoint


class _QuietProgressBar(ProgressCallback):
    def on_log(self, *_: Any, **__: Any) -> None:
        pass


class _Clock(TrainerCallback):
    """Reports progress. Time left = remaining steps × mean time per step so far, evaluations included."""

    def __init__(self, on_progress: Callable[[str], None]) -> None:
        self.on_progress = on_progress

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        self.began = self.reported = time.monotonic()
        self.first_step = state.global_step

    def on_step_end(self, args: TrainingArguments, state: TrainerState, *_: Any, **__: Any) -> None:
        now = time.monotonic()
        if now < self.reported + PROGRESS_S:
            return
        self.reported = now
        seconds_a_step = (now - self.began) / (state.global_step - self.first_step)
        left = seconds_a_step * (state.max_steps - state.global_step)
        self.on_progress(f"epoch {state.epoch:.1f} of {state.num_train_epochs}, about {clock(left)} left")


class _LengthSortedDevSet:
    """A dev set with its features sorted by length, so that large batches need little padding."""

    def __init__(self, dev_set: DevSet) -> None:
        examples = dev_set.features.to_list()
        order = np.argsort([batches.token_count(example) for example in examples], kind="stable")
        self._inverse = np.argsort(order)
        self.features = [examples[place] for place in order]
        self._score = dev_set.score

    def score(self, outputs: tuple[np.ndarray, ...]) -> Scored:
        return self._score(tuple(output[self._inverse] for output in outputs))


def _outcome(folder: Path, epoch: int, suffix: str = "json") -> Path:
    return folder / "epochs" / f"{epoch}.{suffix}"


def device_name(device: torch.device) -> str:
    """The name of the GPU or the processor."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    lines = speed.proc("cpuinfo").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), device.type)


def _reset_peak_memory() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):  # Linux only: makes VmHWM count from here
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb(device: torch.device) -> float | None:
    """Peak memory of this process in MiB, on the GPU if that is the device; None if the system does not report it."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    lines = speed.proc("self/status").splitlines()
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), None)
