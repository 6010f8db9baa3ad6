"""Examples per second of whole training runs, ours and Trainer's as run_glue.py and run_qa.py set it up."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import Dataset
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments, default_data_collator

from ina import models, train
from ina.config import RunConfig
from ina.task import DevSet, Scored

from .common import DTYPE, clocked, examples, model, ratio, settings, table

# name, how it is set up; run_glue.py pads to its maximal length of 128 (run_qa.py: 384) unless told otherwise
TRAINER = {
    "Trainer, padded to the maximum, fp32": {"pad": True},
    "Trainer, dynamic padding, fp32": {},
    "Trainer, grouped by length, fp32": {"train_sampling_strategy": "group_by_length"},
}
if DTYPE == "bfloat16":
    TRAINER["Trainer, grouped by length, bf16"] = TRAINER["Trainer, grouped by length, fp32"] | {"bf16": True}
SCHEDULE = ("train.epochs=1", "train.warmup_ratio=0")  # as run_glue.py has it
OURS = {"ina, train.fast": True, "ina": False}
NOTHING = Scored({"nothing": 0.0}, pd.DataFrame({"split": ["validation"]}), False)
PADDED_STEPS = 6  # all of them are alike


def section(quick: bool) -> list[str]:
    """The table: a row a contender and task, rates and ratios of ours to it, over paired rounds."""
    plan = [("cola", "lora", 32, 2), ("cola", "ina", 32, 2), ("cola", "full", 32, 2), ("mrpc", "ina", 32, 2)]
    plan += [("rte", "ina", 32, 2), ("squad_v1", "ina", 8, 2)]
    rows = []
    for task, method, size, rounds in plan[:1] if quick else plan:
        rows += compare(task, method, size, 1 if quick else rounds)
    header = ["task", "method", "batch", "contender", "examples/s", "train.fast is … times as fast", "mean loss"]
    return table(header, rows)


def compare(task: str, method: str, size: int, rounds: int) -> list[list[str]]:
    """All contenders on one task, each in its turn in every round; a round before them warms up and is not counted."""
    features = examples(task, 600 if task.startswith("squad") else None)
    steps = min(len(features) // (4 * size), 50)  # of these many batches, sorted by length, Trainer makes one chunk
    rates: dict[str, list[float]] = {name: [] for name in (*TRAINER, *OURS)}
    losses: dict[str, list[float]] = {name: [] for name in rates}
    for index in range(rounds + 1):
        names = list(rates)[index % len(rates) :] + list(rates)[: index % len(rates)]
        for name in names:
            cfg = settings(task, method, f"seed={max(index, 1)}", f"train.batch_size={size}", *SCHEDULE)
            count = 3 if index == 0 else steps
            rate, loss = ours(cfg, features, count, name) if name in OURS else theirs(cfg, features, count, name)
            if index:
                print(f"{task} {method}, round {index} of {rounds}: {rate:.1f}/s {name}", file=sys.stderr, flush=True)
                rates[name].append(rate)
                losses[name].append(loss)
    fast = np.array(rates["ina, train.fast"])
    return [
        [task, method, size, name, f"{np.median(rates[name]):.1f}", ratio(fast, np.array(rates[name]))]
        + ["" if TRAINER.get(name, {}).get("pad") else f"{np.mean(losses[name]):.3f}"]
        for name in rates
    ]


def ours(cfg: RunConfig, features: Dataset, steps: int, name: str) -> tuple[float, float]:
    """Train on as many random examples as Trainer's steps take, one epoch."""
    rows = np.random.default_rng(cfg.seed).permutation(len(features))[: steps * cfg.train.batch_size]
    given = cfg.train.model_copy(update={"fast": OURS[name], "threads": None})
    chosen = features.select(rows)
    answers = {"labels", "start_positions", "end_positions"} & set(chosen.column_names)
    dev = DevSet("validation", chosen.select(range(8)).remove_columns(sorted(answers)), lambda _: NOTHING)
    with tempfile.TemporaryDirectory() as folder, clocked() as clock:
        trained = train.fit(
            model(cfg), chosen.remove_columns("length"), [dev], models.load_tokenizer(cfg.model), given,
            headline="nothing", seed=cfg.seed, folder=Path(folder), report_to=[],
        )  # fmt: skip
    return len(rows) / (clock.end - clock.start), trained.last.train_loss


def theirs(cfg: RunConfig, features: Dataset, steps: int, name: str) -> tuple[float, float]:
    """Train for some steps with the arguments that run_glue.py passes on."""
    setup = dict(TRAINER[name])
    tokenizer = models.load_tokenizer(cfg.model)
    features = features.remove_columns("length") if "length" in features.column_names else features
    if padded := setup.pop("pad", False):
        steps = min(steps, PADDED_STEPS)
        features = features.select(range(4 * steps * cfg.train.batch_size)).map(
            lambda rows: dict(tokenizer.pad(rows, padding="max_length", max_length=cfg.task.max_length)), batched=True
        )
    with tempfile.TemporaryDirectory() as folder, clocked() as clock, contextlib.redirect_stdout(io.StringIO()):
        arguments = TrainingArguments(
            output_dir=folder, max_steps=steps, per_device_train_batch_size=cfg.train.batch_size,
            learning_rate=cfg.train.learning_rate, warmup_steps=0, seed=cfg.seed, use_cpu=True, save_strategy="no",
            logging_strategy="no", report_to=[], disable_tqdm=True, **setup,
        )  # fmt: skip
        collator = default_data_collator if padded else DataCollatorWithPadding(tokenizer)
        loss = Trainer(model(cfg), arguments, collator, features).train().training_loss
    return steps * cfg.train.batch_size / (clock.end - clock.start), loss
