"""How fast training is on this machine, and against what: `make bench`, into results/tables/benchmark.md.

    python scripts/benchmark.py                        everything: half an hour on an otherwise idle machine
    python scripts/benchmark.py --quick                a little of everything in three minutes, printed only
    python scripts/benchmark.py throughput gate        some sections; the others stay as they are in the file
    python scripts/benchmark.py --threads 1            as runs of a sweep, which has one a core

Contenders take turns on the same batches in one process; a time is a median, a ratio the median of paired ratios with
its quartiles. Compare only ratios between machines. The section parity runs nothing: it reads the records of the
experiments parity_plain and parity_fast, which show whether `train.fast` learns alike.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import io
import itertools
import os
import re
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import torch
import transformers
from torch import nn
from transformers import DataCollatorWithPadding, Trainer, TrainerCallback, TrainingArguments

from ina import data, environment, methods, models, record, speed, train
from ina.batches import Batches, Collator
from ina.config import RunConfig, configured
from ina.tables.frame import Study
from ina.tables.table import interval, points, signed, spread
from ina.tables.verdicts import MEAN, verdicts
from ina.tasks import DevSet, Scored, family

ROOT = Path(__file__).parent.parent
PARITY = ("parity_plain", "parity_fast")
FILE = ROOT / "results" / "tables" / "benchmark.md"
HEAD = "Made by `make bench` (scripts/benchmark.py says how). Compare only ratios between machines."
DTYPE = environment.resolve_dtype("auto", fast=True)  # emulated bfloat16 would take minutes a step
Step = Callable[[dict[str, torch.Tensor]], Any]


def settings(task: str, method: str, *more: str) -> RunConfig:
    """A run of MiniLM, on the real data where it is and on the embedded suite where not."""
    return configured([f"task={task}", f"method={method}", *more])


@lru_cache
def features(task: str, rows: int) -> datasets.Dataset:
    """Features of the first training examples of a task, unpadded."""
    cfg = settings(task, "lora")
    found = data.load(cfg.task, cfg.data).splits["train"]
    found = found.select(range(min(rows, len(found))))
    made = family(cfg.task.family).train_features(cfg.task, found, models.load_tokenizer(cfg.model))
    return made.remove_columns("length") if "length" in made.column_names else made


def batches(task: str, count: int) -> list[dict[str, torch.Tensor]]:
    """The first batches of an epoch as `ina.train` makes them."""
    collate = Collator(models.load_tokenizer(settings(task, "lora").model))
    made = itertools.islice(Batches(features(task, 4000).to_list(), collate, 32, seed=1), count)
    return [{key: value for key, value in batch.items() if key != "share"} for batch in made]


def model(cfg: RunConfig) -> nn.Module:
    """The model of a run, ready to train."""
    head = family(cfg.task.family).head(cfg.task)
    made = models.load(cfg.model, head, cfg.seed)
    transformers.set_seed(cfg.seed)
    in_head = models.head_modules(cfg.model, made)
    return methods.prepare(cfg.method, made, in_head, methods.task_type(cfg))[0].train()


PIECES = ("dropout", "attention", "cast", "first token", "rows")


def faster(made: nn.Module, task: str, without: str = "") -> nn.Module:
    """What `train.fast` makes of a model on a CPU, without one of its pieces if one is named."""
    made.open = contextlib.ExitStack()  # as long as the model is there
    ids = np.concatenate([[0], *features(task, 4000)["input_ids"]])
    if without != "cast" and DTYPE == "bfloat16":
        speed.cast_frozen(made, torch.bfloat16)
    if without != "dropout":
        speed.cheaper_dropout(made)
    if without != "attention":
        speed.short_attention(made)
    if without != "first token":
        made.open.enter_context(speed.first_token_only(made))
    if without != "rows":
        made.open.enter_context(speed.only_used_rows(made, ids, weight_decay=0.0))
    return made


def stepper(made: nn.Module, dtype: str = DTYPE) -> Step:
    """A function that trains on one batch."""
    weights = [weight for weight in made.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-4, weight_decay=0.0, fused=True)

    def step(batch: dict[str, torch.Tensor]) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
            loss = made(**batch).loss
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def race(steps: dict[str, Step], given: list[dict[str, torch.Tensor]], rounds: int) -> dict[str, np.ndarray]:
    """Seconds of each step on each batch, (rounds, batches); all take a batch in turn, another one first every time."""
    for step, batch in itertools.product(steps.values(), given):  # oneDNN compiles a kernel for every new shape
        step(batch)
    names = list(steps)
    seconds = {name: np.empty((rounds, len(given))) for name in names}
    for index, (place, batch) in itertools.product(range(rounds), enumerate(given)):
        turn = (index + place) % len(names)
        for name in names[turn:] + names[:turn]:
            start = time.perf_counter()
            steps[name](batch)
            seconds[name][index, place] = time.perf_counter() - start
    return seconds


def ratio(seconds: np.ndarray, to: np.ndarray) -> str:
    """Median of the paired ratios with their quartiles."""
    low, middle, high = np.percentile(seconds / to, [25, 50, 75])
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def table(header: list[str], rows: list[list[Any]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(map(str, row))} |" for row in (header, ["---"] * len(header), *rows)]


@speed.exact_products_by_onednn()
def gate(quick: bool) -> list[str]:
    """A training step of LoRA and InA at the same sites and rank, and of full fine-tuning."""
    plan = [("[query,key]", 8, setup) for setup in dict.fromkeys(["train.fast", "float32", DTYPE])]
    plan += [(sites, rank, "train.fast") for sites in ("[query,key]", "[query,key,value]") for rank in (4, 32)]
    rows = []
    for sites, rank, setup in plan[:1] if quick else plan:
        steps: dict[str, Step] = {}
        for method in ("lora", "ina", "full"):
            adapter = [] if method == "full" else [f"method.sites={sites}", f"method.r={rank}"]
            made = model(settings("cola", method, *adapter))
            made = faster(made, "cola") if setup == "train.fast" else made
            steps[method] = stepper(made, "float32" if setup == "float32" else DTYPE)
        seconds = race(steps, batches("cola", 4 if quick else 12), 3 if quick else 8)
        times = [f"{1e3 * np.median(seconds[method], 0).mean():.1f}" for method in steps]
        rows.append([sites, rank, setup, *times, ratio(seconds["ina"], seconds["lora"])])
    return table(["sites", "rank", "", "LoRA ms", "InA ms", "full ms", "InA / LoRA"], rows)


@speed.exact_products_by_onednn()
def pieces(quick: bool) -> list[str]:
    """What each piece of `train.fast` gains: the step without it over the step with all of them."""
    rows = []
    plan = [("cola", "lora", 12), ("cola", "full", 12), ("mrpc", "ina", 4)]
    for task, method, count in plan[:1] if quick else plan:
        cfg = settings(task, method)
        idle = {"cast" if method == "full" else "rows"} | ({"cast"} if DTYPE == "float32" else set())
        applied = [piece for piece in PIECES if piece not in idle]
        steps = {name: stepper(faster(model(cfg), task, name)) for name in ("", *applied)}
        steps["everything"] = stepper(model(cfg))
        seconds = race(steps, batches(task, 4 if quick else count), 3 if quick else 6)
        rows += [[task, method, name, ratio(seconds[name], seconds[""])] for name in steps if name]
    return table(["lengths of", "method", "without", "step / step with all"], rows)


class Clock(TrainerCallback):
    """Seconds from the beginning of training to the end of its last step, whichever Trainer takes it."""

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self.start = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.seconds = time.perf_counter() - self.start


def throughput(quick: bool) -> list[str]:
    """Whole training runs, ours and Trainer's as run_glue.py sets it up; a round before them is not counted."""
    grouped = {"train_sampling_strategy": "group_by_length"}
    contenders: dict[str, Callable[..., None]] = {
        "Trainer, dynamic padding, fp32": theirs,
        "Trainer, grouped by length, fp32": partial(theirs, **grouped),
        "Trainer, grouped by length, bf16": partial(theirs, **grouped, bf16=True),
        "ina, train.fast": partial(ours, fast=True),
        "ina": partial(ours, fast=False),
    }
    if DTYPE != "bfloat16":
        del contenders["Trainer, grouped by length, bf16"]
    rows = []
    for task, method in [("cola", "lora"), ("cola", "ina"), ("cola", "full"), ("mrpc", "ina")][: 1 if quick else None]:
        found = features(task, 6400)
        steps = min(len(found) // 128, 50)  # of these many batches, sorted by length, Trainer makes one chunk
        rates: dict[str, list[float]] = {name: [] for name in contenders}
        for seed, (name, train_with) in itertools.product(range(2 if quick else 3), contenders.items()):
            count = steps if seed else 3
            clock = Clock()
            transformers.trainer.DEFAULT_CALLBACKS.append(clock)
            with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
                cfg = settings(task, method, f"seed={max(seed, 1)}", "train.epochs=1", "train.warmup_ratio=0")
                train_with(cfg, found, count, Path(folder))
            transformers.trainer.DEFAULT_CALLBACKS.remove(clock)
            if seed:
                rates[name].append(count * cfg.train.batch_size / clock.seconds)
        fast = np.array(rates["ina, train.fast"])
        rows += [[task, method, name, f"{np.median(of):.1f}", ratio(fast, np.array(of))] for name, of in rates.items()]
    return table(["task", "method", "contender", "examples/s", "train.fast is … times as fast"], rows)


def ours(cfg: RunConfig, found: datasets.Dataset, steps: int, folder: Path, fast: bool) -> None:
    """Train one epoch on as many random examples as Trainer's steps take."""
    rows = np.random.default_rng(cfg.seed).permutation(len(found))[: steps * cfg.train.batch_size]
    few = found.select(range(8)).remove_columns("labels").add_column("length", [1] * 8)
    scored = Scored({"nothing": 0.0}, pd.DataFrame({"split": ["validation"]}), False)
    train.fit(
        model(cfg), found.select(rows), [DevSet("validation", few, lambda _: scored)], models.load_tokenizer(cfg.model),
        cfg.train.model_copy(update={"fast": fast, "threads": None}),
        headline="nothing", seed=cfg.seed, folder=folder, report_to=[],
    )  # fmt: skip


def theirs(cfg: RunConfig, found: datasets.Dataset, steps: int, folder: Path, **more: Any) -> None:
    """Train for some steps with the arguments that run_glue.py passes on, and some `more`."""
    arguments = TrainingArguments(
        output_dir=str(folder), max_steps=steps, per_device_train_batch_size=cfg.train.batch_size,
        learning_rate=cfg.train.learning_rate, seed=cfg.seed, use_cpu=True, save_strategy="no", logging_strategy="no",
        report_to=[], disable_tqdm=True, **more,
    )  # fmt: skip
    Trainer(model(cfg), arguments, DataCollatorWithPadding(models.load_tokenizer(cfg.model)), found).train()


def parity(quick: bool) -> list[str]:
    """Whether `train.fast` learns what plain training learns, from the records of two experiments.

    A row for each cell and selection: the scores, their difference paired by seed and example, the verdict.

    Raises:
        ValueError: The two were measured on different examples.
    """
    for root in (ROOT / "results", ROOT / "outputs"):
        plain, fast = ([*record.read_all(root, name)] for name in PARITY)
        if sources := [run.source for run in plain if run.source in {other.source for other in fast}]:
            break
    else:
        return [f"No records yet: `python -m ina.run experiment={PARITY[0]}`, then `experiment={PARITY[1]}`."]
    fast = [run.model_copy(update={"id": f"{run.id}--fast", "method": f"{run.method}--fast"}) for run in fast]
    runs = [run for run in (*plain, *fast) if run.source == sources[0]]
    study = Study(root, "parity", sources[0], tuple(runs))
    found, rows = verdicts(study), []
    for one in found[(found["a"] == found["b"] + "--fast") & (found["task"] != MEAN)].itertuples():
        scores = [100 * study.scores((one.model, one.task, method), one.selection) for method in (one.b, one.a)]
        rows.append(
            [study.label(task=one.task), study.label(model=one.model, method=one.b), one.selection]
            + [spread(of.mean(), of.std(ddof=1) if len(of) > 1 else None, len(of)) for of in scores]
            + [signed(one.difference), interval(one.low, one.high, signed), points(one.margin), one.verdict]
        )
    formats = [", ".join(sorted({run.provenance.dtype for run in runs if run.experiment == name})) for name in PARITY]
    devices = sorted({run.provenance.device or "?" for run in runs})
    note = (
        f"Headline scores in points (n seeds), data source {study.source}, run on {', '.join(devices)}. Difference: "
        "train.fast − plain, paired by seed and by example, with its 95 % interval for a new seed on new examples; "
        "verdict by the rules of ina/stats/verdict.py."
    )
    header = ["task", "method", "epoch", f"plain, {formats[0]}", f"train.fast, {formats[1]}"]
    return [note, "", *table([*header, "difference", "95 % interval", "margin", "verdict"], rows)]


SECTIONS = {
    "throughput": ("Examples per second of training runs", throughput),
    "parity": ("Whether train.fast learns alike", parity),
    "pieces": ("What each piece of train.fast gains", pieces),
    "gate": ("What the gate costs", gate),
}


def main() -> None:
    """Measure what the command line names and keep the rest of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", default=list(SECTIONS), metavar="section", help=", ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="few rounds; nothing is written")
    parser.add_argument("--threads", type=int, help="torch threads; default: torch's choice")
    args = parser.parse_args()
    if unknown := set(args.sections) - set(SECTIONS):
        parser.error(f"there is no section {', '.join(sorted(unknown))}; choose from {', '.join(SECTIONS)}")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    warnings.filterwarnings("ignore", category=FutureWarning)  # the pinned libraries announcing their next versions
    torch.set_num_threads(args.threads or torch.get_num_threads())
    text = FILE.read_text(encoding="utf-8") if FILE.is_file() else ""
    found = dict(re.findall(r"^## (.+?)\n\n(.*?)\n*(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    stamp = (
        f"{datetime.date.today()}: {train._device_name(torch.device('cpu'))}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}, {DTYPE}."
    )
    for name in args.sections:
        title, measure = SECTIONS[name]
        found[title] = "\n".join([stamp, "", *measure(args.quick)])
        print(f"## {title}\n\n{found[title]}\n", flush=True)
        if not args.quick:
            whole = "\n".join(f"\n## {one}\n\n{found[one]}" for one, _ in SECTIONS.values() if one in found)
            record.write_atomically(
                FILE, partial(Path.write_text, data=f"# Benchmark\n\n{HEAD}\n{whole}\n", encoding="utf-8")
            )


if __name__ == "__main__":
    main()
