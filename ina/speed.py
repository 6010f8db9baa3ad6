"""Faster training steps with the same results. Each speed-up is a function; `faster` applies those that fit.

`cast_frozen` and `first_token_only` are for any hardware, the others for machines without an accelerator. A speed-up
does nothing if it does not apply. `exact_products_by_onednn` is also used with train.fast=false. `idle_cores` measures
the machine's load.

Gain in a docstring: time of a training step without the speed-up divided by the time with it, for MiniLM, batch 32, one
thread of an Intel Xeon with AMX. `make bench` measures all gains. torch.compile, sdpa in training, weights packed for
oneDNN, our own collator and an autograd function for the gate gained less than 3 % and were left out. Most of the
remaining time is spent in matrix products: on an AMD EPYC, 73 % of a MiniLM step and 86 % of an MPNet step.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import eager_mask

from .adapter.gate import InhibitionGate

CLASSIFIERS = {
    f"{family}For{task}"
    for family in ("Bert", "Roberta", "Deberta", "DebertaV2", "MPNet")
    for task in ("SequenceClassification", "MultipleChoice")
}
_AFTER_ATTENTION = ("attention.output", "attention.attn.o", "intermediate", "output")
SDPA_MIN_TOKENS = 32  # without dropout, sdpa is faster from this number of tokens on


@contextmanager
def faster(model: nn.Module, dtype: str) -> Iterator[None]:
    """Prepare `model` in place for fast training and evaluation inside the block.

    Args:
        model: A backbone with its head, or a PEFT model around one, on the CPU.
        dtype: "bfloat16" if training uses autocast to bfloat16, else "float32".
    """
    if dtype == "bfloat16":
        cast_frozen(model, torch.bfloat16)
    if not torch.accelerator.is_available():
        cheaper_dropout(model)
        short_attention(model)
    with first_token_only(model):
        yield


# --- dropout


def cheaper_dropout(model: nn.Module) -> None:
    """Make every `nn.Dropout` of `model` draw its mask by `drop`, in place.

    Gain: LoRA and InA 1.2, full fine-tuning 1.1.
    """
    for module in model.modules():
        if type(module) is nn.Dropout:
            module.__class__ = _Dropout


class _Dropout(nn.Dropout):
    def forward(self, x: Tensor) -> Tensor:
        return drop(x, self.p) if self.training else x


def drop(x: Tensor, p: float) -> Tensor:
    """Dropout: set each element to zero with probability `p`, independently; scale the others by 1 / (1 - p).

    torch draws one number per element. This function compares 16 random bits per element with a threshold, so `p` is
    rounded to a multiple of 2**-16, and the scale uses the rounded `p`. Every call seeds its stream from torch's
    generator, so seeds, saved generator states and gradient checkpointing work as with torch's dropout.

    Args:
        x: Any shape. If it is not on the CPU, or not float32 or bfloat16, torch's dropout is used.
        p: 0 to 1.

    Returns:
        A tensor of the shape and type of `x`.
    """
    if x.device.type != "cpu" or x.dtype not in (torch.float32, torch.bfloat16) or not 0 < p < 1:
        return nn.functional.dropout(x, p)
    _start.random_()
    _stream.state = _state
    bits = _stream.random_raw(-(-x.numel() // 4)).view(np.uint16)[: x.numel()]
    threshold = round(p * 2**16)
    noise = np.multiply(bits >= threshold, _unit(2**16 / (2**16 - threshold), x.dtype))
    return x * torch.from_numpy(noise).view(x.dtype).view(x.shape)


_stream = np.random.SFC64(0)
_words = np.ones(4, np.uint64)  # SFC64's state: three words and a counter
_start = torch.from_numpy(_words.view(np.int64))[:3]
_state = {"bit_generator": "SFC64", "state": {"state": _words}, "has_uint32": 0, "uinteger": 0}


@lru_cache
def _unit(scale: float, dtype: torch.dtype) -> np.generic:
    """`scale` as a NumPy value: a float32, or the bits of a bfloat16, which NumPy lacks."""
    if dtype == torch.float32:
        return np.float32(scale)
    return np.int16(torch.tensor(scale, dtype=dtype).view(torch.int16).item())


# --- attention


def short_attention(model: nn.Module) -> None:
    """Make BERT, RoBERTa and DistilBERT use `_attention`, in place. DeBERTa and MPNet keep their own attention.

    Gain: LoRA and InA 1.2 in training on MRPC's lengths (CoLA's 1.0), 1.3 in evaluation on CoLA's. Full fine-tuning in
    bfloat16 on SQuAD's lengths 1.1, because the mask no longer turns the scores into float32.
    """
    AttentionInterface.register("ina_short", _attention)
    AttentionMaskInterface.register("ina_short", eager_mask)
    for module in model.modules():
        if isinstance(module, PreTrainedModel) and module._supports_attention_backend:
            module.set_attn_implementation("ina_short")


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **settings: Any,
) -> tuple[Tensor, Tensor | None]:
    """transformers' eager attention with `drop`; without dropout, sdpa from `SDPA_MIN_TOKENS` tokens on.

    Takes (batch, heads, tokens, width) and returns (batch, tokens, heads, width), with the weights or None from sdpa.
    """
    if not dropout and key.shape[2] >= SDPA_MIN_TOKENS:
        with _fp32_precision("none"):  # oneDNN is slower at its many small products
            return sdpa_attention_forward(
                module, query, key, value, attention_mask, scaling=scaling, is_causal=False, **settings
            )
    scores = torch.matmul(query * scaling, key.transpose(2, 3))
    if attention_mask is not None:
        scores.add_(attention_mask.to(scores.dtype))  # a float32 mask would turn all that follows into float32
    weights = drop(scores.softmax(-1), dropout) if dropout else _softmax(scores)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


def _softmax(scores: Tensor) -> Tensor:
    """Softmax for short rows, by operations on the whole tensor; torch's kernel handles short rows one at a time."""
    powers = torch.exp(scores.float() - scores.amax(-1, keepdim=True))
    return (powers / powers.sum(-1, keepdim=True)).to(scores.dtype)


@contextmanager
def first_token_only(model: nn.Module) -> Iterator[None]:
    """Inside the block, compute the last layer of a classifier only for the first token, the one that its head reads.

    Exact, because keys and values are still computed for all tokens. Gain: 1.05 on CoLA's lengths, 1.1 on MRPC's.
    Models that are not in `CLASSIFIERS`, and models with a "tensor" threshold after the last attention, do not change.
    """
    hooks = []
    for module in model.modules():
        if isinstance(module, PreTrainedModel) and type(module).__name__ in CLASSIFIERS:
            last = module.base_model.encoder.layer[-1]
            if any(
                isinstance(part, InhibitionGate) and part.threshold == "tensor" and name.startswith(_AFTER_ATTENTION)
                for name, part in last.named_modules()
            ):
                continue
            attention = last.attention
            if module.config.model_type == "mpnet":
                for part in (attention.attn.o, attention.LayerNorm):
                    hooks.append(part.register_forward_pre_hook(lambda _, args: _first(args[0])))
            else:
                hooks.append(attention.self.register_forward_hook(lambda _, __, out: (_first(out[0]), *out[1:])))
                hooks.append(attention.output.register_forward_pre_hook(lambda _, args: (args[0], _first(args[1]))))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _first(states: Tensor) -> Tensor:
    return states[:, :1].contiguous()  # oneDNN uses its slowest path for non-contiguous inputs


# --- number formats


def cast_frozen(model: nn.Module, dtype: torch.dtype) -> None:
    """Cast every frozen weight to `dtype` once, in place; autocast would do it at every step.

    Trained weights stay in float32 for the optimiser, and autocast casts the inputs of their layers. Gain: LoRA and InA
    1.2, and half the memory of the base model; full fine-tuning has no frozen weights.
    """
    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            module.cast_input_dtype_enabled = False
    for weight in model.parameters():
        if not weight.requires_grad and weight.is_floating_point():
            weight.data = weight.data.to(dtype)


@contextmanager
def exact_products_by_onednn() -> Iterator[None]:
    """Inside the block, compute float32 products by oneDNN on AMD processors if it is precise enough.

    MKL uses a slower path on AMD processors; oneDNN was 1.5 to 1.7 times as fast there. torch offers oneDNN only with
    permission to compute in bfloat16, and on processors with bfloat16 oneDNN does so. So oneDNN's error is measured
    first, and oneDNN is used only if the error is at most four times MKL's.
    """
    precision = torch.backends.mkldnn.matmul.fp32_precision
    if "AuthenticAMD" in proc("cpuinfo"):
        exact = _product_error()
        with _fp32_precision("bf16"):
            precision = "bf16" if _product_error() <= 4 * exact else precision
    with _fp32_precision(precision):
        yield


@contextmanager
def _fp32_precision(precision: str) -> Iterator[None]:
    """Set torch's switch between MKL ("none") and oneDNN ("bf16") for float32 products inside the block."""
    old = torch.backends.mkldnn.matmul.fp32_precision
    torch.backends.mkldnn.matmul.fp32_precision = precision
    try:
        yield
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = old


def _product_error() -> float:
    """Relative error of a float32 product of a projection's size: about 3e-7, or 2e-3 if computed in bfloat16."""
    draw = torch.Generator().manual_seed(0)
    x, weight = torch.randn(256, 384, generator=draw), torch.randn(384, 384, generator=draw)
    exact = x.double() @ weight.double().T
    return ((nn.functional.linear(x, weight) - exact).norm() / exact.norm()).item()


def proc(name: str) -> str:
    """The text of a file in Linux's /proc; empty on other systems."""
    path = Path("/proc", name)
    return path.read_text() if path.exists() else ""


# --- threads


@lru_cache
def idle_cores() -> int:
    """The number of idle cores that this process may use, at least 1; measured once per process.

    With more threads than idle cores a run gets slower: all threads spin until those without a core are done.
    """
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    loads = psutil.cpu_percent(interval=0.5, percpu=True)
    return max(1, len(cores - {core for core, percent in enumerate(loads) if percent > 50}))
