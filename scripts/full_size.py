"""The four large models at full size with random weights: a few optimiser steps of every method, and what they cost.

    python scripts/full_size.py --dtype bfloat16 > results/tables/full_size.md
                                                                   all of them, one after the other: up to 9 GB of
                                                                   memory, on one core half an hour
    python scripts/full_size.py roberta_large                      one of them
    python scripts/full_size.py --dtype float32 --gradient-checkpointing

Shows on a machine that cannot train them that each model takes every method's step, that the loss falls, and that a
saved adapter gives the same outputs when it is opened again; stops with an error where one does not. Prints a table in
Markdown, with the memory that `ina.cost` expects beside the measured one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from pathlib import Path

import torch
import transformers
from peft import PeftModel
from torch import nn

import ina
from ina import cost, methods, models, sweep, train
from ina.adapter.sites import split_fused_projections
from ina.config import RunConfig, check
from ina.task import Head

MODELS = ("bert_large", "roberta_large", "deberta_v3_large", "deberta_large")
METHODS = ("full", "lora", "ina")
HEAD = Head("classification", 2)
STEPS = 3
RATE = {"full": 1e-5, "lora": 2e-4, "ina": 2e-4}
COLUMNS = (
    "Model", "Method", "Trainable", "Total", "First step, s", "Later steps, s", "Peak memory, GiB", "Expected, GiB",
    "Loss before → after", "Adapter file, MB",
)  # fmt: skip


def main() -> None:
    """Measure what the command line names, each in a process of its own, so that peaks do not add up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS, help="models of configs/model")
    parser.add_argument("--batch", type=int, default=2, help="examples in a batch")
    parser.add_argument("--tokens", type=int, default=128, help="tokens in an example")
    parser.add_argument("--dtype", default="auto", choices=["auto", "float32", "bfloat16"], help="as train.dtype")
    parser.add_argument("--gradient-checkpointing", action="store_true")
    args = parser.parse_args()
    args.dtype = train.resolve_dtype(args.dtype, fast=False)
    print(caption(args))
    print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for model in args.models:
            for method in METHODS:
                print(pool.apply(measure, (model, method, args)), flush=True)


def measure(model_name: str, method_name: str, args: argparse.Namespace) -> str:
    """Train one model by one method for a few steps on one random batch; a row of the table."""
    transformers.logging.set_verbosity_error()
    cfg = check(sweep.composed([f"model={model_name}", f"method={method_name}"]))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    bare = 0 if device.type == "cuda" else 1024 * max_rss_kib()
    expected = bare + cost.cost(cfg).memory(
        args.batch,
        args.batch,
        args.tokens,
        dtype=args.dtype,
        checkpointing=args.gradient_checkpointing,
        device=device.type,
    )
    base = fresh(cfg)
    model, params = methods.prepare(cfg.method, base, models.head_modules(cfg.model, base), span=False)
    model.to(device)
    if args.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    generator = torch.Generator().manual_seed(1)
    shape = (args.batch, args.tokens)
    inputs = {
        "input_ids": torch.randint(5, model.config.vocab_size, shape, generator=generator).to(device),
        "attention_mask": torch.ones(shape, dtype=torch.long, device=device),
        "labels": (torch.arange(args.batch) % 2).to(device),
    }
    optimizer = torch.optim.AdamW([w for w in model.parameters() if w.requires_grad], lr=RATE[method_name], fused=True)
    autocast = torch.autocast(device.type, torch.bfloat16, enabled=args.dtype == "bfloat16")

    before = tested(model, inputs, autocast)
    seconds = []
    for _ in range(STEPS):
        started = time.perf_counter()
        model.train()
        with autocast:
            loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else 1024 * max_rss_kib()
    after = tested(model, inputs, autocast)
    if not after.loss < before.loss:
        raise AssertionError(f"{cfg.model.label}, {method_name}: loss {before.loss:.4f} before, {after.loss:.4f} after")
    file = "–"
    if method_name != "full":
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            file = f"{(Path(folder) / 'adapter_model.safetensors').stat().st_size / 1e6:.2f}"
            again = tested(reopened(cfg, folder).to(device), inputs, autocast)
        torch.testing.assert_close(again.logits, after.logits, rtol=0, atol=1e-5)
    return (
        f"| {cfg.model.label} | {method_name} | {params.trainable:,} | {params.total:,} | {seconds[0]:.1f} | "
        f"{statistics.median(seconds[1:]):.1f} | {peak / 2**30:.2f} | {expected / 2**30:.2f} | "
        f"{before.loss:.4f} → {after.loss:.4f} | {file} |"
    )


def caption(args: argparse.Namespace) -> str:
    """What stands above the table."""
    where = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    checkpointing = ", gradient checkpointing" if args.gradient_checkpointing else ""
    return (
        "**The paper's models at full size, random weights.** Written by scripts/full_size.py: "
        f"{STEPS} optimiser steps on a batch of {args.batch} × {args.tokens} tokens, {args.dtype}{checkpointing}; "
        f"{where}, torch {torch.__version__}. The loss is that without dropout. A saved adapter gave the same logits "
        "when it was opened again. Other work on the machine shows in the times.\n"
    )


def fresh(cfg: RunConfig) -> transformers.PreTrainedModel:
    """The backbone with the random weights of seed 1, always the same ones."""
    torch.manual_seed(1)
    return models.untrained(cfg.model, HEAD)


def tested(model: nn.Module, inputs: dict[str, torch.Tensor], autocast: torch.autocast):
    """What the model says without dropout."""
    model.eval()
    with torch.inference_mode(), autocast:
        return model(**inputs)


def reopened(cfg: RunConfig, folder: str) -> nn.Module:
    """The saved adapter on a fresh backbone."""
    if cfg.method.kind == "ina":
        return ina.adapter.load(fresh(cfg), folder)
    return PeftModel.from_pretrained(split_fused_projections(fresh(cfg)), folder)


def max_rss_kib() -> int:
    """The most memory that this process has had, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
