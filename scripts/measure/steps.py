"""Seconds and bytes of single training steps, in turn on the same real batches."""

from __future__ import annotations

import multiprocessing
import time

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertForSequenceClassification

from ina import methods, speed, train
from ina.batches import Batches

from .common import (
    DTYPE,
    PIECES,
    Step,
    batches,
    begin,
    examples,
    ids,
    milliseconds,
    model,
    quick,
    race,
    ratio,
    settings,
    stepper,
    table,
)

RANDOM = np.arange(1000, 2000)  # token ids of random sentences
SITES = {"query, key": "[query,key]", "query, key, value": "[query,key,value]"}


@speed.exact_products_by_onednn()
def gate(short: bool) -> list[str]:
    """InA against PEFT's LoRA at the same sites and rank, and full fine-tuning: forward, backward, peak memory."""
    given = batches("cola", 4 if short else 12)
    base = [("query, key", 8, setup) for setup in dict.fromkeys(["float32", DTYPE, "train.fast"])]
    plan = dict.fromkeys([*base, *((sites, rank, "train.fast") for sites in SITES for rank in (4, 8, 32))])
    rows = []
    for sites, rank, setup in base[-1:] if short else plan:
        steps: dict[str, Step] = {}
        for method in ("lora", "ina", "full"):
            adapter = [] if method == "full" else [f"method.sites={SITES[sites]}", f"method.r={rank}"]
            made = model(settings("cola", method, *adapter))
            made = quick(made, ids("cola")) if setup == "train.fast" else made
            steps[method] = stepper(made, "float32" if setup == "float32" else DTYPE, optimise=False)
        seconds = race(steps, given, 3 if short else 8)
        memory = {method: peak(method, SITES[sites], rank, setup) for method in steps}
        times = [milliseconds(seconds[method]) for method in steps]
        rows.append(
            [sites, rank, setup, *times, ratio(seconds["ina"], seconds["lora"])]
            + [f"{memory[method]:.0f}" for method in steps] + [f"{memory['ina'] / memory['lora']:.3f}"]
        )  # fmt: skip
    header = ["sites", "rank", "", "LoRA ms", "InA ms", "full ms", "InA / LoRA"]
    return table(header + ["LoRA MB", "InA MB", "full MB", "InA / LoRA, memory"], rows)


def peak(method: str, sites: str, rank: int, setup: str) -> float:
    """Peak resident memory in MB of two steps on 32 examples of 128 tokens, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (method, sites, rank, setup, torch.get_num_threads()))


@speed.exact_products_by_onednn()
def _peak(method: str, sites: str, rank: int, setup: str, threads: int) -> float:
    begin(threads)
    adapter = [] if method == "full" else [f"method.sites={sites}", f"method.r={rank}"]
    made = model(settings("cola", method, *adapter))
    made = quick(made, RANDOM) if setup == "train.fast" else made
    step = stepper(made, "float32" if setup == "float32" else DTYPE)
    train._reset_peak_memory()
    for _ in range(2):
        step(_random(32, 128))
    return train._peak_memory_mb(torch.device("cpu")) or float("nan")


@speed.exact_products_by_onednn()
def pieces(short: bool) -> list[str]:
    """What each piece of `train.fast` gains: the step without it over the step with all of them."""
    rows = []
    plan = [("cola", "lora"), ("cola", "full"), ("mrpc", "ina")]
    for task, method in plan[:1] if short else plan:
        given = batches(task, 4 if short or task == "mrpc" else 12)
        applies = [piece for piece in PIECES if piece != ("cast" if method == "full" else "rows")]
        applies = [piece for piece in applies if piece != "cast" or DTYPE == "bfloat16"]
        steps = {"all": stepper(quick(model(settings(task, method)), ids(task)))}
        steps |= {piece: stepper(quick(model(settings(task, method)), ids(task), piece)) for piece in applies}
        steps["everything"] = stepper(model(settings(task, method)))
        seconds = race(steps, given, 3 if short else 6)
        rows += [[task, method, name, ratio(seconds[name], seconds["all"])] for name in (*applies, "everything")]
    return table(["lengths of", "method", "without", "step / step with all"], rows)


@speed.exact_products_by_onednn()
def peak_share(short: bool) -> list[str]:
    """Share of the fastest product of matrices, measured here and now; share of padding."""
    products = {name: _product(getattr(torch, name)) for name in dict.fromkeys(["float32", DTYPE])}
    rows = [[f"product of matrices, {name}", "", f"{value:.0f}", "", ""] for name, value in products.items()]
    for task in ("cola",) if short else ("cola", "mrpc", "rte"):
        dev = sorted(batches(task, 4, size=128), key=lambda batch: batch["input_ids"].shape[1])
        for method in ("lora", "ina", "full"):
            made = quick(model(settings(task, method)), ids(task))
            rows.append([f"training, {method}", task, *_share(stepper(made), batches(task, 6), products[DTYPE])])
            rows.append([f"evaluation, {method}", task, *_share(_evaluation(made.eval()), dev, products[DTYPE])])
    found = table(["what", "lengths of", "GFLOP/s", f"share of the {DTYPE} peak", "share of padding"], rows)
    for task in ("cola", "mrpc", "rte"):
        found.append(f"| batches of 32 | {task} | | | {_padding(task):.1%} |")
    return found


def _product(dtype: torch.dtype) -> float:
    best = 0.0
    for rows, inner, columns in ((352, 384, 384), (352, 384, 1536), (1024, 1024, 1024), (2048, 2048, 2048)):
        one, other = torch.randn(rows, inner).to(dtype), torch.randn(inner, columns).to(dtype)
        for _ in range(12):
            start = time.perf_counter()
            one @ other
            best = max(best, 2e-9 * rows * inner * columns / (time.perf_counter() - start))
    return best


def _share(step: Step, given: list, peak: float) -> list[str]:
    rates = []
    for batch in given:
        with FlopCounterMode(display=False) as counter:
            step(batch)
        seconds = race({"": step}, [batch], 5)[""]
        rates.append((counter.get_total_flops(), np.median(seconds)))
    flops, seconds = map(sum, zip(*rates, strict=True))
    return [f"{flops / seconds / 1e9:.0f}", f"{flops / seconds / 1e9 / peak:.0%}", ""]


def _evaluation(made: torch.nn.Module) -> Step:
    def step(batch: dict[str, torch.Tensor]) -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=DTYPE == "bfloat16"):
            made(**batch)

    return step


def _padding(task: str) -> float:
    lengths = np.array(examples(task)["length"])
    made = Batches([{"input_ids": range(length)} for length in lengths], list, 32, seed=1)
    return 1 - lengths.sum() / sum(lengths[batch].max() * len(batch) for batch in made.order())


@speed.exact_products_by_onednn()
def scaling(short: bool) -> list[str]:
    """One step of InA and of LoRA with `train.fast` against sequence length, rank, layers and examples."""
    plan = [("tokens", value, {"tokens": value}) for value in (8, 16, 32, 64, 128, 256)]
    plan += [("rank", value, {"rank": value}) for value in (1, 4, 8, 32, 64)]
    plan += [("layers", value, {"layers": value}) for value in (2, 6, 12)]
    plan += [("examples", value, {"examples": value}) for value in (8, 16, 32, 64)]
    rows = []
    for what, value, setup in plan[1:4] if short else plan:
        setup = {"tokens": 16, "rank": 8, "layers": 6, "examples": 32} | setup
        steps = {method: stepper(_bert(method, setup["layers"], setup["rank"])) for method in ("lora", "ina")}
        seconds = race(steps, [_random(setup["examples"], setup["tokens"])], 5 if short else 11)
        rows.append([what, value, milliseconds(seconds["lora"]), milliseconds(seconds["ina"])])
        rows[-1].append(ratio(seconds["ina"], seconds["lora"]))
    note = (
        "MiniLM's shape with random weights; 6 layers, 32 examples of 16 tokens and rank 8 unless the row says other."
    )
    return [note, "", *table(["against", "", "LoRA ms", "InA ms", "InA / LoRA"], rows)]


def _bert(method: str, layers: int, rank: int) -> torch.nn.Module:
    shape = dict(hidden_size=384, num_attention_heads=12, intermediate_size=1536)
    made = BertForSequenceClassification(BertConfig(**shape, num_hidden_layers=layers))
    made, _ = methods.prepare(settings("cola", method, f"method.r={rank}").method, made, ("classifier",), span=False)
    return quick(made.train(), RANDOM)


def _random(examples: int, tokens: int) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    tokens = torch.from_numpy(RANDOM)[torch.randint(len(RANDOM), (examples, tokens), generator=draw)]
    return {"input_ids": tokens, "attention_mask": torch.ones_like(tokens), "labels": torch.arange(examples) % 2}
