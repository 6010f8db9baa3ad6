"""What an experiment needs, checked before it starts: weights, steps, downloads, and whether it fits into memory.

    python scripts/preflight.py experiment=glue_paper
    python scripts/preflight.py experiment=glue_paper model=bert_large task=cola,mrpc
    python scripts/preflight.py model=bert_large method=full,lora,ina,ina_released task=cola,squad_v1

Takes the arguments of `python -m ina.run`. Prints a row for each cell (runs that differ only in the seed), in a search
for each run: the exact numbers of weights, counted without a download; optimiser steps; and the estimated peak of
memory for examples of the greatest length. Then it prints where models and data come from, and which runs do not fit.
Exits with 1 if a run does not fit.
"""

import math
import os
import sys
from pathlib import Path

import datasets
import pandas as pd
import torch
import transformers
from huggingface_hub import try_to_load_from_cache
from torch import Tensor

from ina import batches, data, environment, methods, models, plan
from ina.config import RunConfig
from ina.record import Params, errors_as_messages
from ina.tasks import family

GB = 1e9
COUNTS = ("trainable", "adapter", "head", "total", "steps")
OFFICIAL_ROWS = {
    "cola": 8_551, "sst2": 67_349, "mrpc": 3_668, "stsb": 5_749, "qqp": 363_846, "mnli": 392_702, "qnli": 104_743,
    "rte": 2_490, "wnli": 635, "swag": 73_546, "squad_v1": 87_599, "squad_v2": 130_319,
}  # fmt: skip
WINDOWS = 1.01  # windows of 384 tokens per question, in SQuAD's official training files
LIBRARIES = {"cpu": 0.6e9, "cuda": 1.0e9}  # bytes in use before there is a model
HALF = 0.6  # share of activation memory left by autocast to bfloat16: norms, softmax, residuals stay in float32
SLACK = {"cpu": 2.0, "cuda": 1.2}  # peak memory of activations / live memory; 1.4 to 2.0 measured on a CPU


@errors_as_messages()
def main(overrides: list[str]) -> None:
    """Print the report on a command line; exit with 1 if a run does not fit, with a message if the line is wrong."""
    transformers.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    cells: dict[str, list[RunConfig]] = {}
    runs = plan.expand([text for text in overrides if text not in ("-m", "--multirun")])
    for run in runs:
        cells.setdefault(run.cell if run.data.select is None else run.id, []).append(run)
    table = pd.DataFrame.from_dict({name: row(same) for name, same in cells.items()}, orient="index")
    sources = [f"model {run.model.name}: {model_source(run)}" for run in runs]
    sources += [f"task {run.task.name}: {data_source(run)}" for run in runs]
    print(table.to_string(formatters=dict.fromkeys(COUNTS, "{:,}".format), float_format="{:.1f}".format))
    print(f"\n{len(runs)} runs, {sum(steps(run) for run in runs):,} steps\n")
    print("\n".join([*dict.fromkeys(sources), ""]))
    available = device_memory() / GB
    if misfits := list(table.index[table["GB"] > 0.95 * available]):
        print(f"DO NOT FIT into {available:.0f} GB: {', '.join(misfits)}")
        print("lower train.device_batch_size, or set train.gradient_checkpointing=true")
        sys.exit(1)
    print(f"every run fits into the {available:.0f} GB of this device")


def row(runs: list[RunConfig]) -> dict[str, str | int | float]:
    """The table's row for runs that differ only in the seed."""
    params, _ = measure(runs[0])
    counts = params.model_dump() | {"steps": steps(runs[0])}
    seeds = ",".join(str(run.seed) for run in runs)
    return {"seeds": seeds, **{name: counts[name] for name in COUNTS}, "GB": memory(runs[0]) / GB}


measured: dict[str, tuple[Params, float]] = {}


def measure(cfg: RunConfig) -> tuple[Params, float]:
    """Build the run's model with shapes but no values, and take one example through it.

    Returns:
        The numbers of weights, as the run will record them; the bytes of float32 that the forward pass of one example
        of `task.max_length` tokens keeps for the backward pass.

    Raises:
        ModelError: The model's config.json cannot be loaded.
    """
    head, length = family(cfg.task.family).head(cfg.task), cfg.task.max_length
    key = f"{cfg.model!r} {cfg.method!r} {head!r} {length} {cfg.train.gradient_checkpointing}"
    if key in measured:
        return measured[key]
    model = models.untrained(cfg.model, head, "meta")
    model, params = methods.prepare(cfg.method, model, models.head_modules(cfg.model, model), methods.task_type(cfg))
    weights = {weight.untyped_storage()._cdata for weight in model.parameters()}
    kept: dict[int, int] = {}  # bytes of each storage

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes()
        return tensor

    # embeddings rather than ids: some models read the values of ids, which meta tensors lack
    layers, width = model.config.num_hidden_layers, model.config.hidden_size
    shape = (1, *([head.outputs] if head.kind == "choice" else []), length, width)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.train()(inputs_embeds=torch.zeros(shape, device="meta"))
    activations = sum(kept.values())
    if cfg.train.gradient_checkpointing:  # kept are the inputs of all layers, and the one layer being computed again
        activations = activations / layers + 4 * length * width * layers
    return measured.setdefault(key, (params, activations))


def memory(cfg: RunConfig) -> float:
    """Bytes at the peak of training: weights, gradients, Adam's two moments, activations of the longest batch."""
    params, activations = measure(cfg)
    settings, device = cfg.train, "cuda" if torch.cuda.is_available() else "cpu"
    half = environment.resolve_dtype(settings.dtype) == "bfloat16"
    at_once, _ = batches.divide_batch(settings.batch_size, 1, settings.device_batch_size)
    fixed = 4 * params.total + 12 * params.trainable + (2 * params.total if half else 0)
    return LIBRARIES[device] + fixed + at_once * activations * (HALF if half else 1) * SLACK[device]


def steps(cfg: RunConfig) -> int:
    """Optimiser steps of a run; approximate for SQuAD, where long contexts give several windows."""
    rows = WINDOWS * training_rows(cfg) if cfg.task.family == "squad" else training_rows(cfg)
    return math.ceil(rows / cfg.train.batch_size) * cfg.train.epochs


counted: dict[str, int] = {}


def training_rows(cfg: RunConfig) -> int:
    if generated(cfg):
        rows = round((1 - (cfg.data.select or 0)) * OFFICIAL_ROWS[cfg.task.name])
        return min(rows, cfg.data.max_train or rows)
    key = f"{cfg.task.name} {cfg.data!r}"
    if key not in counted:
        counted[key] = len(data.load(cfg.task, cfg.data).splits["train"])
    return counted[key]


def generated(cfg: RunConfig) -> bool:
    """Whether `data.source=auto` would use the generated suite because the real data is missing."""
    return data.resolve(cfg.task, cfg.data) == "probe" != cfg.data.source


def data_source(cfg: RunConfig) -> str:
    if generated(cfg):
        return "GENERATED: the real data is not here; steps are those of the official files"
    return f"from {data.resolve(cfg.task, cfg.data)}, {training_rows(cfg):,} training rows"


def model_source(cfg: RunConfig) -> str:
    if cfg.model.tiny and not cfg.model.path:
        return "random weights"
    place, revision = models.locate(cfg.model)
    if Path(place).is_dir():
        return f"in {place}"
    files = ("model.safetensors", "pytorch_model.bin")
    is_cached = any(isinstance(try_to_load_from_cache(place, file, revision=revision), str) for file in files)
    params, _ = measure(cfg)
    size = 4 * (params.total - params.adapter) / GB
    return f"{place}@{revision[:7]}, " + (
        "in the hub's cache" if is_cached else f"TO BE DOWNLOADED, up to {size:.1f} GB"
    )


def device_memory() -> float:
    """Bytes of the accelerator's memory, or of the machine's."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_properties(0).total_memory
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main(sys.argv[1:])
