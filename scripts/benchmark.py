"""Measure training speed on this machine, and compare it with plain transformers: `make bench` writes
results/tables/benchmark.md.

    python scripts/benchmark.py                        all sections but gpu, on an otherwise idle machine
    python scripts/benchmark.py throughput gate        some sections, printed only
    python scripts/benchmark.py gpu                    BERT-large's shapes on a GPU, five minutes; printed only

Contenders take turns on the same batches in one process. A time is a median; a ratio is the median of paired ratios,
with quartiles. Compare only ratios between machines. CPUs use float32. Rows of MPNet need `make mpnet`. The default
takes a quarter of an hour.
"""

import argparse
import contextlib
import datetime
import importlib.util
import io
import itertools
import multiprocessing
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
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

from ina import data, methods, models, record, speed, train
from ina.batches import Batches, Collator
from ina.config import RunConfig, configured
from ina.tasks import DevSet, Scored, family

ROOT = Path(__file__).parent.parent
FILE = ROOT / "results" / "tables" / "benchmark.md"
LENGTH, BATCH = 128, 32  # of random ids
HAS_MPNET = importlib.util.find_spec("all_mpnet_base_v2") is not None
Step = Callable[[dict[str, torch.Tensor]], Any]
Train = Callable[..., None]


def settings(task: str, method: str, *more: str) -> RunConfig:
    """A run: of MiniLM unless a model is named, on the real data if it is there, else on the generated suite."""
    return configured([f"task={task}", f"method={method}", *more])


@lru_cache
def features(task: str, rows: int, model: str = "minilm") -> datasets.Dataset:
    """Features of the first training examples of a task, unpadded."""
    cfg = settings(task, "lora", f"model={model}")
    examples = data.load(cfg.task, cfg.data).splits["train"]
    examples = examples.select(range(min(rows, len(examples))))
    return family(cfg.task.family).train_features(cfg.task, examples, models.load_tokenizer(cfg.model))


def tokenizer() -> transformers.PreTrainedTokenizerBase:
    """MiniLM's tokenizer. It only pads, and padding is masked, so it serves all models."""
    return models.load_tokenizer(settings("cola", "lora").model)


def random_features(rows: int) -> datasets.Dataset:
    """Examples of `LENGTH` random ids, labelled 0 or 1."""
    rng = np.random.default_rng(0)
    ids = rng.integers(1000, 28000, (rows, LENGTH)).tolist()  # BERT-large knows 28,996
    labels = rng.integers(0, 2, rows).tolist()
    return datasets.Dataset.from_dict({"input_ids": ids, "attention_mask": [[1] * LENGTH] * rows, "labels": labels})


def batches(task: str, count: int, model: str = "minilm") -> list[dict[str, torch.Tensor]]:
    """The first batches of an epoch as `ina.train` makes them."""
    first_batches = itertools.islice(
        Batches(features(task, 4000, model).to_list(), Collator(tokenizer()), BATCH, seed=1), count
    )
    return [{key: value for key, value in batch.items() if key != "share"} for batch in first_batches]


def model(cfg: RunConfig, random: bool = False) -> nn.Module:
    """The model of a run, ready to train; with random weights where asked for."""
    head = family(cfg.task.family).head(cfg.task)
    transformers.set_seed(cfg.seed)
    network = models.untrained(cfg.model, head) if random else models.load(cfg.model, head, cfg.seed)
    transformers.set_seed(cfg.seed)
    in_head = models.head_modules(cfg.model, network)
    return methods.prepare(cfg.method, network, in_head, methods.task_type(cfg))[0].train()


SPEED_UPS = ("dropout", "attention", "first token")


def faster(network: nn.Module, without: str = "") -> nn.Module:
    """What `train.fast` makes of a model on a CPU, without one of its speed-ups if one is named."""
    network.open = contextlib.ExitStack()  # open as long as the model exists
    if without != "dropout":
        speed.cheaper_dropout(network)
    if without != "attention":
        speed.short_attention(network)
    if without != "first token":
        network.open.enter_context(speed.first_token_only(network))
    return network


def stepper(network: nn.Module, half: bool = False) -> Step:
    """A function that trains on one batch; with `half`, under autocast to bfloat16."""
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-4, weight_decay=0.0, fused=True)

    def step(batch: dict[str, torch.Tensor]) -> None:
        device = weights[0].device.type
        with torch.autocast(device, torch.bfloat16, enabled=half):
            loss = network(**{name: tensor.to(device) for name, tensor in batch.items()}).loss
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if device == "cuda":
            torch.cuda.synchronize()

    return step


def race(steps: dict[str, Step], inputs: list[dict[str, torch.Tensor]], rounds: int) -> dict[str, np.ndarray]:
    """Seconds of each step on each batch, (rounds, batches). All take turns on a batch and at being first."""
    for step, batch in itertools.product(steps.values(), inputs):  # oneDNN compiles a kernel for every new shape
        step(batch)
    names = list(steps)
    seconds = {name: np.empty((rounds, len(inputs))) for name in names}
    for index, (place, batch) in itertools.product(range(rounds), enumerate(inputs)):
        turn = (index + place) % len(names)
        for name in names[turn:] + names[:turn]:
            start = time.perf_counter()
            steps[name](batch)
            seconds[name][index, place] = time.perf_counter() - start
    return seconds


def ratio(seconds: np.ndarray, reference: np.ndarray) -> str:
    """Median of the paired ratios, with their quartiles."""
    low, middle, high = np.percentile(seconds / reference, [25, 50, 75])
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def table(header: list[str], rows: list[list[Any]]) -> list[str]:
    """A table in Markdown."""
    return [f"| {' | '.join(map(str, row))} |" for row in (header, ["---"] * len(header), *rows)]


@speed.exact_products_by_onednn()
def gate() -> list[str]:
    """A training step of LoRA and InA at the same sites and rank, and of full fine-tuning."""
    rows = []
    for sites, rank in (("[query,key]", 8), ("[query,key,value]", 32)):
        steps: dict[str, Step] = {}
        for method in ("lora", "ina", "full"):
            adapter = [] if method == "full" else [f"method.sites={sites}", f"method.r={rank}"]
            steps[method] = stepper(faster(model(settings("cola", method, *adapter))))
        seconds = race(steps, batches("cola", 12), 8)
        times = [f"{1e3 * np.median(seconds[method], 0).mean():.1f}" for method in steps]
        rows.append([sites, rank, *times, ratio(seconds["ina"], seconds["lora"])])
    return table(["sites", "rank", "LoRA ms", "InA ms", "full ms", "InA / LoRA"], rows)


@speed.exact_products_by_onednn()
def speed_ups() -> list[str]:
    """What each speed-up of `train.fast` gains: the step without it over the step with all of them."""
    rows = []
    plan = [("minilm", "cola", "lora", 12), ("minilm", "cola", "full", 12), ("minilm", "mrpc", "ina", 4)]
    for name, task, method, count in plan + [("mpnet", "cola", "lora", 4)] * HAS_MPNET:
        cfg = settings(task, method, f"model={name}")
        steps = {speed_up: stepper(faster(model(cfg), speed_up)) for speed_up in ("", *SPEED_UPS)}
        steps["everything"] = stepper(model(cfg))
        seconds = race(steps, batches(task, count, name), 4)
        rows += [[name, task, method, without, ratio(seconds[without], seconds[""])] for without in steps if without]
    return table(["model", "lengths of", "method", "without", "step / step with all"], rows)


def throughput() -> list[str]:
    """Training runs after a short one that is not counted; for ours, also the share of `peak_speed`."""
    contenders: dict[str, Train] = {
        "Trainer, padded to 128, as run_glue.py": partial(theirs, padded=True),
        "Trainer, dynamic padding": theirs,
        "Trainer, grouped by length": partial(theirs, train_sampling_strategy="group_by_length"),
        "ina": ours,
    }
    plan = [("minilm", "cola", "lora"), ("minilm", "cola", "full"), ("minilm", "mrpc", "lora")]
    rows = []
    for backbone, task, method in plan + [("mpnet", "cola", "lora")] * HAS_MPNET:
        cfg = settings(
            task, method, f"model={backbone}", "train.epochs=1", "train.warmup_ratio=0", "train.dtype=float32"
        )
        examples = features(task, 6400, backbone)
        many = {"mpnet": 4}.get(backbone, 50 if task == "cola" else 20)  # Trainer groups 50 batches at once
        rates: dict[str, list[float]] = {name: [] for name in contenders}
        for seed, (name, train_with) in itertools.product(range(3), contenders.items()):
            steps = 1 if not seed or "padded to" in name else many
            seconds = duration(train_with, cfg.model_copy(update={"seed": max(seed, 1)}), examples, steps)
            if seed:
                rates[name].append(steps * cfg.train.batch_size / seconds)
        fast = np.array(rates["ina"])
        share = np.median(fast) * operations(cfg, examples) / peak_speed(cfg)
        for name, rate in rates.items():
            at_peak = f"{100 * share:.0f} %" if name == "ina" else ""
            rows.append([backbone, task, method, name, f"{np.median(rate):.1f}", ratio(fast, np.array(rate)), at_peak])
    return table(["model", "task", "method", "contender", "examples/s", "ina / it", "of the peak"], rows)


def duration(train_with: Train, cfg: RunConfig, examples: datasets.Dataset, steps: int, **more: Any) -> float:
    """Seconds from the start of training to the end of its last step, in any subclass of Trainer."""
    clock = TrainerCallback()
    clock.on_train_begin = lambda *_, **__: setattr(clock, "start", time.perf_counter())
    clock.on_step_end = lambda *_, **__: setattr(clock, "seconds", time.perf_counter() - clock.start)
    transformers.trainer.DEFAULT_CALLBACKS.append(clock)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        train_with(cfg, examples, steps, Path(folder), **more)
    transformers.trainer.DEFAULT_CALLBACKS.remove(clock)
    return clock.seconds


def operations(cfg: RunConfig, examples: datasets.Dataset) -> float:
    """Floating-point operations of a training step for each example.

    Each weight and token takes two in the forward pass, two for the gradient of the input and, in full fine-tuning, two
    for the gradient of the weight.
    """
    linear = (module for module in model(cfg).modules() if isinstance(module, nn.Linear))
    weights = sum(module.weight.numel() for module in linear)
    return (
        (6 if cfg.method.kind == "full" else 4) * weights * float(np.mean([len(ids) for ids in examples["input_ids"]]))
    )


@speed.exact_products_by_onednn()
def peak_speed(cfg: RunConfig) -> float:
    """Floating-point operations per second when a batch passes through a square layer of the model's width."""
    width = models.architecture(cfg.model).hidden_size
    x, weight = torch.randn(BATCH * 11, width), torch.randn(width, width)
    seconds = race({"": lambda _: nn.functional.linear(x, weight)}, [{}], 50)[""]
    return 2 * x.numel() * width / float(np.median(seconds))


def ours(cfg: RunConfig, examples: datasets.Dataset, steps: int, folder: Path, random: bool = False) -> None:
    """Train one epoch on as many random examples as `steps` of Trainer take."""
    rows = np.random.default_rng(cfg.seed).permutation(len(examples))[: steps * cfg.train.batch_size]
    few = examples.select(range(8)).remove_columns("labels")
    scored = Scored({"nothing": 0.0}, pd.DataFrame({"split": ["validation"]}), False)
    train.fit(
        model(cfg, random), examples.select(rows), [DevSet(few, lambda _: scored)], tokenizer(),
        cfg.train.model_copy(update={"threads": None}),
        headline="nothing", seed=cfg.seed, folder=folder, report_to=[], callbacks=[],
    )  # fmt: skip


def theirs(
    cfg: RunConfig, examples: datasets.Dataset, steps: int, folder: Path, random: bool = False, padded: bool = False,
    **more: Any,
) -> None:  # fmt: skip
    """Train for some steps with the arguments that run_glue.py passes on, and some `more`."""
    arguments = TrainingArguments(
        output_dir=str(folder), max_steps=steps, per_device_train_batch_size=cfg.train.batch_size,
        learning_rate=cfg.train.learning_rate, seed=cfg.seed, save_strategy="no", logging_strategy="no",
        report_to=[], disable_tqdm=True, **{"use_cpu": True} | more,
    )  # fmt: skip
    padding = {"padding": "max_length", "max_length": LENGTH} if padded else {}
    collate = DataCollatorWithPadding(tokenizer(), **padding)
    Trainer(model(cfg, random), arguments, collate, examples).train()


def memory() -> list[str]:
    """Peak memory of a step of 32 × 128 tokens, ours and PEFT's with Trainer, each in a process of its own."""
    rows = []
    for name in ["mpnet"] * HAS_MPNET + ["bert_large"]:
        for method in ("lora", "ina"):
            peaks = []
            for who in ("ours", "theirs"):
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                    peaks.append(process.submit(peak, name, method, who).result())
            label = settings("cola", method, f"model={name}").model.label
            rows.append([label, method, *(f"{gib:.1f}" for gib in peaks), f"{peaks[0] / peaks[1]:.2f}"])
    return table(["model", "method", "ina, GiB", "Trainer, GiB", "ratio"], rows)


def peak(name: str, method: str, who: str) -> float:
    """The peak memory of this process in GiB after a training step; NaN if the system does not report it."""
    plain = ("train.epochs=1", "train.dtype=float32", "train.warmup_ratio=0", f"train.batch_size={BATCH}")
    cfg = settings("cola", method, f"model={name}", *plain)
    with tempfile.TemporaryDirectory() as folder:
        {"ours": ours, "theirs": theirs}[who](cfg, random_features(BATCH), 1, Path(folder), random=True)
    # not getrusage's, which starts at the memory of the parent
    return (train.peak_memory_mb(torch.device("cpu")) or float("nan")) / 1024


def gpu() -> list[str]:
    """Steps of BERT-large with random weights on a GPU: what the gate costs, and Trainer's examples per second."""
    if not torch.cuda.is_available():
        return ["Not run: this machine has no GPU."]
    inputs = [random_features(BATCH).with_format("torch")[:]]
    rows = []
    for setup in ["float32", "autocast", "autocast, compiled", "autocast, checkpointing"]:
        steps = {}
        for method in ("lora", "ina"):
            network = model(settings("cola", method, "model=bert_large"), random=True).cuda()
            if "checkpointing" in setup:
                network.gradient_checkpointing_enable({"use_reentrant": False})
            steps[method] = stepper(
                torch.compile(network) if "compiled" in setup else network, half="autocast" in setup
            )
        seconds = race(steps, inputs, 20)
        rate = BATCH / np.median(seconds["ina"])
        rows.append([setup, *(f"{1e3 * np.median(times):.1f}" for times in seconds.values()),
                     ratio(seconds["ina"], seconds["lora"]), f"{rate:.0f}"])  # fmt: skip
    cfg, examples = settings("cola", "ina", "model=bert_large"), random_features(30 * BATCH)
    seconds = duration(theirs, cfg, examples, 30, random=True, bf16=True, use_cpu=False)
    rows.append(["Trainer, bf16", "–", "–", "–", f"{30 * BATCH / seconds:.0f}"])
    return [torch.cuda.get_device_name(), "", *table(["", "LoRA ms", "InA ms", "InA / LoRA", "InA, examples/s"], rows)]


SECTIONS = {
    "throughput": ("Examples per second of training runs", throughput),
    "speed_ups": ("What each speed-up of train.fast gains", speed_ups),
    "gate": ("What the gate costs", gate),
    "memory": ("Peak memory of a training step of 32 × 128 tokens, float32", memory),
    "gpu": ("On a GPU, BERT-large's shapes, 32 × 128 tokens", gpu),
}


def main() -> None:
    """Measure what the command line names, or everything and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", choices=[[], *SECTIONS], help="default: all but gpu")
    sections = parser.parse_args().sections
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    warnings.filterwarnings("ignore", category=FutureWarning)  # the pinned libraries announce changes
    where = f"{train.device_name(torch.device('cpu'))}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    parts = [
        f"# Benchmark\n\nMade by `make bench`, {datetime.date.today()}: {where}. Compare only ratios between machines. "
        "In brackets: quartiles. The section gpu was not run."
    ]
    for title, measure in [SECTIONS[name] for name in sections or list(SECTIONS)[:-1]]:
        parts.append("\n".join([f"## {title}", "", *measure()]))
        print(parts[-1], flush=True)
    if not sections:
        text = "\n\n".join(parts) + "\n"
        record.write_atomically(FILE, lambda partial_file: partial_file.write_text(text, encoding="utf-8"))


if __name__ == "__main__":
    main()
