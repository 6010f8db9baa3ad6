"""What an experiment will take on this machine, before anything starts.

    python scripts/preflight.py experiment=glue_paper
    python scripts/preflight.py experiment=glue_paper model=bert_large task=cola,mrpc
    python scripts/preflight.py model=minilm task=cola method=ina

Takes what `python -m ina.run` takes. Per cell (its runs differ in the seed alone): numbers of weights, exact; optimiser
steps, tokens and floating-point operations, exact for the lengths that there are; memory on the device and disk while
the run goes, time of a run; then totals, what has to be downloaded, and every run that does not fit into the memory.
Time is measured on this device with one and two layers of each model and stretched to all of them, so it is right for a
device that is as busy as it will be. Where runs of the experiment are recorded already, the estimates are set against
them: over the 30 runs of glue_mini in results/, 0.6 to 1.0 times the time they took, 0.5 to 1.6 times the memory;
at full size, in results/tables/full_size.md, 0.95 to 1.13 times the memory.
Exits with 1 if something does not fit.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import datasets
import numpy as np
import torch
import transformers
from huggingface_hub import try_to_load_from_cache
from transformers import PreTrainedTokenizerBase

from ina import batches, cost, data, methods, models, record, speed, sweep, train
from ina.config import ConfigError, ModelConfig, RunConfig
from ina.cost import Cost
from ina.models import ModelError
from ina.task import Head, family

# Rows (SQuAD: windows of 384 tokens) of the official training and dev sets, and their usual length in tokens: where the
# data is not here.
OFFICIAL = {
    "cola": (8_551, 1_043, 11),
    "sst2": (67_349, 872, 13),
    "mrpc": (3_668, 408, 53),
    "stsb": (5_749, 1_500, 31),
    "qqp": (363_846, 40_430, 30),
    "mnli": (392_702, 19_647, 39),
    "qnli": (104_743, 5_463, 50),
    "rte": (2_490, 277, 67),
    "wnli": (635, 71, 37),
    "swag": (73_546, 20_006, 30),
    "squad_v1": (88_500, 10_800, 165),
    "squad_v2": (131_800, 12_200, 165),
}
SAMPLE = 1000  # rows whose tokens are counted
# Examples and tokens of the batches that are timed: large enough that a GPU is busy, small enough for a CPU.
TRIALS = {"cuda": [(4, 16), (16, 128)], "cpu": [(2, 16), (8, 64)]}
GB = 1e9


@dataclass(frozen=True)
class Lengths:
    """Features of a task: how many, and how many tokens they have."""

    train: int
    dev: int
    tokens: float
    longest: int
    counted: bool  # not assumed


@dataclass(frozen=True)
class Estimate:
    """What each run of a cell takes; `disk` while it goes on, `kept` for the model that it leaves, in bytes."""

    runs: list[RunConfig]
    cost: Cost
    steps: int
    tokens: float
    flops: float
    memory: float
    disk: float
    kept: float
    seconds: float


def main(overrides: list[str]) -> None:
    """Print the report on what a command line stands for."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    try:
        runs = sweep.expand(overrides)
        found = [estimate(cell) for cell in cells(runs)]
    except (ConfigError, ModelError, OSError) as error:
        sys.exit(f"error: {error}")
    dtype = train.resolve_dtype(runs[0].train.dtype, runs[0].train.fast)
    print(f"{device_name()}, {device_memory() / GB:.0f} GB, {dtype}\n")
    print_cells(found)
    print_totals(found)
    print_sources(runs)
    print_recorded(found)
    if not print_misfits(found):
        sys.exit(1)


def cells(runs: list[RunConfig]) -> list[list[RunConfig]]:
    """The runs, those together that differ in the seed alone."""
    by_name: dict[str, list[RunConfig]] = {}
    for run in runs:
        by_name.setdefault(run.cell, []).append(run)
    return list(by_name.values())


def estimate(runs: list[RunConfig]) -> Estimate:
    """What each of these runs of one cell takes."""
    cfg = runs[0]
    figures = cost.cost(cfg)
    sizes = lengths(cfg)
    settings = cfg.train
    on_device, _ = batches.split(settings.batch_size, 1, settings.device_batch_size)
    steps = -(-sizes.train // settings.batch_size) * settings.epochs
    trained = figures.step(settings.batch_size, sizes.tokens).training
    tested = figures.step(settings.eval_batch_size, sizes.tokens).forward / settings.eval_batch_size * sizes.dev
    fixed, per_flop = rate(cfg)
    return Estimate(
        runs=runs,
        cost=figures,
        steps=steps,
        tokens=sizes.train * settings.epochs * sizes.tokens,
        flops=steps * trained + settings.epochs * tested,
        memory=overhead()
        + figures.memory(
            on_device,
            settings.eval_batch_size,
            sizes.longest,
            dtype=train.resolve_dtype(settings.dtype, settings.fast),
            checkpointing=settings.gradient_checkpointing,
            device="cuda" if torch.cuda.is_available() else "cpu",
        ),
        disk=2 * 12 * figures.params.trainable,  # the checkpoint being written and the one before: weights, two moments
        kept=4 * figures.params.trainable if cfg.keep_model else 0.0,
        seconds=steps * (fixed + per_flop * trained) + settings.epochs * per_flop * tested,
    )


_lengths: dict[str, Lengths] = {}


def lengths(cfg: RunConfig) -> Lengths:
    """How many features the run trains on and how long they are, counted where data and a tokenizer are here."""
    tokenizer = _tokenizer(cfg.model)
    key = f"{cfg.task!r} {cfg.data!r} {tokenizer and tokenizer.name_or_path}"
    if key not in _lengths:
        generated = data.resolve(cfg.task.name, cfg.data) == "probe" != cfg.data.source
        _lengths[key] = _assumed(cfg) if generated or tokenizer is None else _counted(cfg, tokenizer)
    return _lengths[key]


def _assumed(cfg: RunConfig) -> Lengths:
    rows, dev, tokens = OFFICIAL[cfg.task.name]
    return Lengths(min(rows, cfg.data.max_train or rows), dev, tokens, cfg.task.max_length, counted=False)


def _counted(cfg: RunConfig, tokenizer: PreTrainedTokenizerBase) -> Lengths:
    splits = data.load(cfg.task.name, cfg.data).splits
    sample = data.subset(splits["train"], SAMPLE)
    features = family(cfg.task.family).train_features(cfg.task, sample, tokenizer)
    tokens = [batches.tokens(example) for example in features.select_columns(["input_ids"]).to_list()]
    share = len(features) / len(sample)  # of SQuAD's rows several windows each
    dev = sum(len(rows) for name, rows in splits.items() if name != "train")
    return Lengths(
        round(share * len(splits["train"])), round(share * dev), statistics.mean(tokens), max(tokens), counted=True
    )


@cache
def _tokenizer(model: ModelConfig) -> PreTrainedTokenizerBase | None:
    """The model's tokenizer; where it has to be downloaded first, MiniLM's, whose counts are close."""
    [minilm] = sweep.expand(["model=minilm"])
    for candidate in (model, minilm.model):
        try:
            return models.load_tokenizer(candidate)
        except ModelError:
            continue
    return None


_rates: dict[str, tuple[float, float]] = {}


def rate(cfg: RunConfig) -> tuple[float, float]:
    """Seconds of a step that do not depend on its size, and seconds per floating-point operation, on this device."""
    head = family(cfg.task.family).head(cfg.task)
    # rank and activation function take no measurable part of a step
    key = f"{cfg.model!r} {cfg.method.kind} {getattr(cfg.method, 'sites', None)} {cfg.task.family} {cfg.train.fast}"
    if key not in _rates:
        one, two = (_timed(cfg, head, layers) for layers in (1, 2))
        layers = cost.cost(cfg).layers
        seconds = [a + (layers - 1) * max(b - a, 0.0) for a, b in zip(one, two, strict=True)]
        flops = [cost.cost(cfg).step(*size).training for size in trials()]
        per_flop = max((seconds[1] - seconds[0]) / (flops[1] - flops[0]), 0.0)
        _rates[key] = max(seconds[0] - per_flop * flops[0], 0.0), per_flop
    return _rates[key]


def _timed(cfg: RunConfig, head: Head, layers: int) -> list[float]:
    """Seconds of a training step at each size of `TRIALS` for the model cut to so many layers."""
    device = torch.accelerator.current_accelerator() or torch.device("cpu")
    dtype = train.resolve_dtype(cfg.train.dtype, cfg.train.fast)
    if cfg.train.threads:
        torch.set_num_threads(cfg.train.threads)
    model = models.untrained(cfg.model, head, layers=layers)
    model, _ = methods.prepare(cfg.method, model, models.head_modules(cfg.model, model), span=head.kind == "span")
    model.to(device).train()
    word = 9
    ways = speed.faster(model, dtype, np.array([word]), cfg.train.weight_decay) if cfg.train.fast else nullcontext()
    with speed.exact_products_by_onednn(), ways:
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=1e-6, fused=True)

        def step(examples: int, tokens: int) -> float:
            shape = (examples, *([head.outputs] if head.kind == "choice" else []), tokens)
            ids = torch.full(shape, word, device=device)
            started = time.perf_counter()
            with torch.autocast(device.type, torch.bfloat16, enabled=dtype == "bfloat16"):
                outputs = model(input_ids=ids, attention_mask=torch.ones_like(ids))
                loss = sum(output.float().square().mean() for output in outputs.values())
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if device.type != "cpu":
                torch.accelerator.synchronize()
            return time.perf_counter() - started

        return [min([step(*size) for _ in range(4)][1:]) for size in trials()]


def trials() -> list[tuple[int, int]]:
    """Examples and tokens of the batches to time on this device."""
    return TRIALS["cuda" if torch.cuda.is_available() else "cpu"]


def device_name() -> str:
    """The accelerator, or how many cores there are."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {len(os.sched_getaffinity(0))} cores"


def device_memory() -> float:
    """Bytes of the accelerator's memory, or of the machine's."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_properties(0).total_memory
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def overhead() -> float:
    """Bytes that libraries and device take before there is a model."""
    return 1.0e9 if torch.cuda.is_available() else 0.6e9


def fits(one: Estimate) -> bool:
    """Whether a run leaves a twentieth of the memory free."""
    return one.memory <= 0.95 * device_memory()


def print_cells(found: list[Estimate]) -> None:
    """A row a cell."""
    titles = (
        "run",
        "seeds",
        "trainable",
        "adapter",
        "head",
        "total",
        "steps",
        "Mtokens",
        "PFLOP",
        "GB",
        "disk GB",
        "h",
    )
    rows = [
        (
            one.runs[0].cell + ("" if fits(one) else " (!)"),
            ",".join(str(run.seed) for run in one.runs),
            f"{one.cost.params.trainable:,}",
            f"{one.cost.params.adapter:,}",
            f"{one.cost.params.head:,}",
            f"{one.cost.params.total:,}",
            f"{one.steps:,}",
            short(one.tokens / 1e6),
            short(one.flops / 1e15),
            f"{one.memory / GB:.1f}",
            short(one.disk / GB),
            short(one.seconds / 3600),
        )
        for one in found
    ]
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        first, *rest = (f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        print(" ".join([row[0].ljust(widths[0]), *rest]))


def short(value: float) -> str:
    """Two digits, or a whole number."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def print_totals(found: list[Estimate]) -> None:
    """Runs, operations, time and disk of each model and of all."""
    print()
    names = dict.fromkeys(one.runs[0].model.name for one in found)
    for name in (*names, *(["all"] if len(names) > 1 else [])):
        mine = [one for one in found if name in ("all", one.runs[0].model.name)]
        runs = sum(len(one.runs) for one in mine)
        hours = sum(len(one.runs) * one.seconds for one in mine) / 3600
        flops = sum(len(one.runs) * one.flops for one in mine) / 1e18
        disk = (max(one.disk for one in mine) + sum(len(one.runs) * one.kept for one in mine)) / GB
        print(
            f"{name}: {runs} runs, {short(hours)} hours one after the other, {short(flops)} EFLOP, "
            f"{short(disk)} GB of disk"
        )


def print_sources(runs: list[RunConfig]) -> None:
    """Where models and data come from, and what is not here yet."""
    print()
    for cfg in {f"{run.model.name} {run.model.hub}": run for run in runs}.values():
        print(f"model {cfg.model.name}: {_model_source(cfg)}")
    for cfg in {run.task.name: run for run in runs}.values():
        source = data.resolve(cfg.task.name, cfg.data)
        kind = "" if lengths(cfg).counted else ", rows and lengths assumed from the official files"
        generated = source == "probe" and cfg.data.source != "probe"
        told = "GENERATED: the real data is not here" if generated else f"from {source}"
        print(f"task {cfg.task.name}: {told}{kind}")


def _model_source(cfg: RunConfig) -> str:
    if cfg.model.tiny and not cfg.model.path:
        return "random weights"
    place, revision = models.locate(cfg.model)
    if Path(place).is_dir():
        return f"in {place}"
    files = ("model.safetensors", "pytorch_model.bin")
    here = any(isinstance(try_to_load_from_cache(place, file, revision=revision), str) for file in files)
    size = 4 * (cost.cost(cfg).params.total - cost.cost(cfg).params.adapter) / GB
    return f"{place}@{revision[:7]}, " + ("in the hub's cache" if here else f"TO BE DOWNLOADED, up to {size:.1f} GB")


def print_recorded(found: list[Estimate]) -> None:
    """How the estimates compare with the runs that are recorded already."""
    ratios = []
    for one in found:
        for cfg in one.runs:
            source = data.resolve(cfg.task.name, cfg.data)
            for root in (cfg.results_dir, cfg.output_dir):
                path = record.record_path(root, cfg.experiment, source, cfg.id)
                if path.is_file():
                    known = record.read(path)
                    ratios.append((one.seconds / known.wall_seconds, one.memory / 2**20 / known.peak_memory_mb))
                    break
    if not ratios:
        return
    print(f"\nestimates over what {len(ratios)} recorded runs took, median (lowest to highest):")
    for what, values in zip(("time", "memory"), zip(*ratios, strict=True), strict=True):
        print(f"  {what} {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")


def print_misfits(found: list[Estimate]) -> bool:
    """Name the runs that need more memory than there is, with what would help; True where there are none."""
    print()
    misfits = [one for one in found if not fits(one)]
    for one in misfits:
        batch = one.runs[0].train.device_batch_size or one.runs[0].train.batch_size
        print(
            f"DOES NOT FIT: {one.runs[0].cell} needs {one.memory / GB:.1f} GB with {batch} examples at once; "
            "lower train.device_batch_size, or train.gradient_checkpointing=true"
        )
    if not misfits:
        print("every run fits into the memory of this device")
    return not misfits


if __name__ == "__main__":
    main(sys.argv[1:])
