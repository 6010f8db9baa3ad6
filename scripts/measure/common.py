"""Runs in pieces, a stopwatch, and tables in Markdown."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import datasets
import numpy as np
import torch
import transformers
from datasets import Dataset
from torch import nn
from transformers import DataCollatorWithPadding, TrainerCallback

from ina import data, methods, models, speed, sweep, train
from ina.batches import Batches
from ina.config import RunConfig, check
from ina.task import family

Step = Callable[[dict[str, torch.Tensor]], Any]

DTYPE = train.resolve_dtype("auto", fast=True)  # that of `train.fast` here; emulated bfloat16 would take minutes a step


def begin(threads: int | None) -> None:
    """Make the libraries silent, and torch use so many threads."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    warnings.filterwarnings("ignore", category=FutureWarning)
    if threads:
        torch.set_num_threads(threads)


def settings(task: str, method: str, *more: str) -> RunConfig:
    """A run of MiniLM, on the real data where it is and on the embedded suite where not."""
    return check(sweep.composed([f"task={task}", f"method={method}", *more]))


@lru_cache
def examples(task: str, rows: int | None = None) -> Dataset:
    """Features of the first `rows` training examples of a task, unpadded."""
    cfg = settings(task, "lora")
    found = data.load(task, cfg.data).splits["train"]
    found = found.select(range(min(rows or len(found), len(found))))
    return family(cfg.task.family).train_features(cfg.task, found, models.load_tokenizer(cfg.model))


def batches(task: str, count: int, size: int = 32) -> list[dict[str, torch.Tensor]]:
    """The first batches of an epoch as `ina.train` makes them."""
    features = [{key: row[key] for key in row if key != "length"} for row in examples(task, 4000).to_list()]
    collate = DataCollatorWithPadding(models.load_tokenizer(settings(task, "lora").model))
    made = Batches(features, lambda rows: dict(collate(rows)), size, seed=1)
    return [{key: batch[key] for key in batch if key != "share"} for batch in itertools.islice(made, count)]


def model(cfg: RunConfig) -> nn.Module:
    """The model of a run, ready to train."""
    task = family(cfg.task.family)
    head = task.head(cfg.task)
    made = models.load(cfg.model, head, cfg.seed)
    transformers.set_seed(cfg.seed)
    made, _ = methods.prepare(cfg.method, made, models.head_modules(cfg.model, made), span=head.kind == "span")
    return made.train()


PIECES = ("dropout", "attention", "cast", "first token", "rows")


def ids(task: str) -> np.ndarray:
    """The token ids of :func:`batches`."""
    return np.concatenate([[0], *examples(task, 4000)["input_ids"]])


def quick(made: nn.Module, ids: np.ndarray, without: str = "") -> nn.Module:
    """What `train.fast` makes of a model on this machine, without one of its pieces if one is named."""
    made.ways = contextlib.ExitStack()  # open as long as the model is there
    if DTYPE == "bfloat16" and without != "cast":
        speed.cast_frozen(made, torch.bfloat16)
    if without != "dropout":
        speed.cheaper_dropout(made)
    if without != "attention":
        speed.short_attention(made)
    if without != "first token":
        made.ways.enter_context(speed.first_token_only(made))
    if without != "rows":
        made.ways.enter_context(speed.only_used_rows(made, ids, weight_decay=0.0))
    return made


def stepper(made: nn.Module, dtype: str = DTYPE, optimise: bool = True) -> Step:
    """A function that trains on one batch."""
    weights = [weight for weight in made.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-4, weight_decay=0.0, fused=True)

    def step(batch: dict[str, torch.Tensor]) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
            loss = made(**batch).loss
        loss.backward()
        if optimise:
            nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
        optimizer.zero_grad()

    return step


def race(steps: dict[str, Step], given: list[dict[str, torch.Tensor]], rounds: int) -> dict[str, np.ndarray]:
    """Seconds of each step on each batch, (rounds, batches); all take a batch in turn, another one first every time."""
    for step in steps.values():
        for batch in given:  # oneDNN compiles a kernel for every new shape
            step(batch)
    names = list(steps)
    seconds = {name: np.empty((rounds, len(given))) for name in names}
    for index in range(rounds):
        for place, batch in enumerate(given):
            turn = (index + place) % len(names)
            for name in names[turn:] + names[:turn]:
                start = time.perf_counter()
                steps[name](batch)
                seconds[name][index, place] = time.perf_counter() - start
    return seconds


def milliseconds(seconds: np.ndarray) -> str:
    """Median step: the mean over batches of their medians."""
    return f"{1e3 * np.median(seconds, 0).mean():.1f}"


def ratio(seconds: np.ndarray, to: np.ndarray) -> str:
    """Median of the paired ratios with their quartiles."""
    low, middle, high = np.percentile(seconds / to, [25, 50, 75])
    return f"{middle:.3g} [{low:.3g}, {high:.3g}]" if middle > 10 else f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def table(header: list[str], rows: list[list[Any]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(map(str, row))} |" for row in (header, ["---"] * len(header), *rows)]


class Clock(TrainerCallback):
    """Seconds from the beginning of training to the end of its last step, whichever Trainer takes it."""

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.start = self.end = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.end = time.perf_counter()


@contextlib.contextmanager
def clocked():
    """A clock for the Trainer that is made in the block."""
    clock = Clock()
    transformers.trainer.DEFAULT_CALLBACKS.append(clock)
    try:
        yield clock
    finally:
        transformers.trainer.DEFAULT_CALLBACKS.remove(clock)


def machine() -> str:
    """What it runs on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    used = torch.get_num_threads()
    dtype = train.resolve_dtype("auto", fast=True)
    return (
        f"{train._device_name(torch.device('cpu'))}, {cores} cores, {used} thread{'s' * (used > 1)} used, "
        f"torch {torch.__version__}, transformers {transformers.__version__}, {dtype} native"
    )
