"""Training batches of examples of similar length, and the micro-batches that one process computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import DataCollatorWithPadding, PreTrainedTokenizerBase

# Examples are shuffled, cut into chunks of this many batches, and sorted by length within each chunk.
MEGA_BATCH = 50


class Collator:
    """Pads examples to the longest: (batch, tokens), or (batch, choices, tokens) for multiple choice."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.pad = DataCollatorWithPadding(tokenizer)

    def __call__(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """The examples as tensors; `examples` is not modified."""
        if isinstance(examples[0]["input_ids"][0], int):
            return self.pad(examples)
        choices = len(examples[0]["input_ids"])
        inputs = [name for name, value in examples[0].items() if isinstance(value, list)]
        flat = [{name: example[name][choice] for name in inputs} for example in examples for choice in range(choices)]
        padded = {name: value.view(len(examples), choices, -1) for name, value in self.pad(flat).items()}
        if "labels" in examples[0]:
            padded["labels"] = torch.tensor([example["labels"] for example in examples])
        return padded


def token_count(example: dict[str, Any]) -> int:
    """The number of tokens of an example, or of the longest of its choices."""
    ids = example["input_ids"]
    return len(ids) if isinstance(ids[0], int) else max(map(len, ids))


@dataclass
class Batches:
    """The effective batches of an epoch, split into the micro-batches of one process.

    Every example occurs once per epoch, in batches of similar length. The batches depend only on `seed` and epoch. So
    with the same seed every method sees the same batches in the same order, a resumed run sees the same batches as an
    uninterrupted one, and the number of processes and accumulation steps does not matter.

    Args:
        dataset: One dictionary of model inputs per example, with `input_ids`.
        collate: Turns several examples into tensors.
        batch_size: Examples in an effective batch; the last batch of an epoch has the rest.
        seed: Determines the order, together with the epoch.
        micro_batches: Number of micro-batches (gradient accumulation steps) per process and effective batch.
        process: Index of this process, counted from 0.
        processes: Number of processes that share a batch.
        epoch: Counted from 0.
    """

    dataset: list[dict[str, Any]]
    collate: Callable[[list[dict[str, Any]]], dict[str, Any]]
    batch_size: int
    seed: int
    micro_batches: int = 1
    process: int = 0
    processes: int = 1
    epoch: int = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next iteration; called by Trainer."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size) * self.micro_batches

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the micro-batches, each with `share`, its share of the examples of the effective batch.

        Micro-batches may differ in size by one example, so the mean loss of a batch is the sum of share times mean loss
        over its micro-batches. An empty micro-batch gets the batch's first example with share 0.
        """
        for batch in self.order():
            parts = np.array_split(batch, self.micro_batches * self.processes)
            for part in parts[self.process :: self.processes]:
                inputs = self.collate([self.dataset[example] for example in (part if len(part) else batch[:1])])
                inputs["share"] = len(part) / len(batch)
                yield inputs

    def order(self) -> Iterator[np.ndarray]:
        """Yield the effective batches of the epoch as indices into `dataset`."""
        lengths = np.array([token_count(example) for example in self.dataset])
        generator = np.random.default_rng([self.seed, self.epoch])
        order = generator.permutation(len(lengths))
        mega = MEGA_BATCH * self.batch_size
        chunks = [order[start : start + mega] for start in range(0, len(order), mega)]
        order = np.concatenate([chunk[np.argsort(-lengths[chunk], kind="stable")] for chunk in chunks])
        whole = len(order) // self.batch_size * self.batch_size
        yield from generator.permutation(order[:whole].reshape(-1, self.batch_size))
        if whole < len(order):
            yield order[whole:]


def divide_batch(effective: int, processes: int, most: int | None) -> tuple[int, int]:
    """Examples per device and accumulation steps. Their product with the number of processes is the effective batch.

    Args:
        effective: The effective batch size.
        processes: Number of processes.
        most: Most examples per device; None: no limit.

    Raises:
        ValueError: The effective batch cannot be split evenly.
    """
    if effective % processes:
        raise ValueError(f"train.batch_size={effective} is not a multiple of the {processes} processes")
    share = effective // processes
    on_device = min(share, most or share)
    if share % on_device:
        raise ValueError(f"train.device_batch_size={most} does not divide {share}, the examples per process")
    return on_device, share // on_device
