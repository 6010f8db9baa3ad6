"""Faster training steps that compute the same. Each speed-up is a function; `faster` applies those that fit.

`cast_frozen` and `first_token_only` are for any hardware, the others for a CPU without an accelerator. Each
does nothing where it does not apply. `exact_products_by_onednn` is for plain training too. `idle_cores`
examines the machine.

A gain in a docstring is the time of a training step without the speed-up over the time with it: MiniLM, batch 32, one
thread of an Intel Xeon with AMX. `make bench` measures all of them. torch.compile, sdpa while training, weights packed
for oneDNN, a collator of our own and an autograd function for the gate gained less than 3 % and were left out.
Most of the remaining time goes into matrix products: on an AMD EPYC, 73 % of a MiniLM step and 86 % of an MPNet step.
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
SDPA_MIN_TOKENS = 32  # tokens: from here on sdpa is the quicker attention without dropout


@contextmanager
def faster(model: nn.Module, dtype: str) -> Iterator[None]:
    """Prepare `model` in place for fast training and evaluation while the block runs.

    Args:
        model: A backbone with its head, or a PEFT model around one, on the CPU.
        dtype: "bfloat16" where training uses autocast to it, else "float32".
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

    torch draws one number an element. This compares 16 random bits an element with a threshold, so `p` is rounded to a
    multiple of 2**-16, and the scale with it. Every call seeds its stream from torch's generator, so seeds, checkpoints
    of its state and gradient checkpointing work as they do for torch's dropout.

    Args:
        x: Any shape. Where it is not on the CPU, or not float32 or bfloat16, torch's dropout is used.
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
    """`scale` as NumPy can hold it: a float, or the bits of a bfloat16."""
    if dtype == torch.float32:
        return np.float32(scale)
    return np.int16(torch.tensor(scale, dtype=dtype).view(torch.int16).item())


# --- attention


def short_attention(model: nn.Module) -> None:
    """Make BERT and RoBERTa attend by `_attention`, in place. DeBERTa has an attention of its own, which stays.

    Gain: LoRA and InA 1.2 in training on MRPC's lengths (CoLA's 1.0), 1.3 in evaluation on CoLA's. Full fine-tuning in
    bfloat16 on SQuAD's lengths 1.1, as the mask leaves the scores in that type.
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
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, is_causal=False, **settings
        )
    scores = torch.matmul(query * scaling, key.transpose(2, 3))
    if attention_mask is not None:
        scores.add_(attention_mask.to(scores.dtype))  # a float32 mask would make all that follows float32
    weights = drop(scores.softmax(-1), dropout) if dropout else _softmax(scores)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


def _softmax(scores: Tensor) -> Tensor:
    """Softmax for short rows, as operations on the whole tensor; torch's kernel handles such rows one at a time."""
    powers = torch.exp(scores.float() - scores.amax(-1, keepdim=True))
    return (powers / powers.sum(-1, keepdim=True)).to(scores.dtype)


@contextmanager
def first_token_only(model: nn.Module) -> Iterator[None]:
    """Compute the last layer of a classifier for the first token alone, which its head reads, while the block runs.

    Exact, as keys and values are still those of all tokens. Gain: 1.05 on CoLA's lengths, 1.1 on MRPC's. Models that
    are not in `CLASSIFIERS`, and models with a "tensor" threshold after the last attention, stay unchanged.
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
    return states[:, :1].contiguous()  # oneDNN takes its slowest path for products with anything else


# --- number formats


def cast_frozen(model: nn.Module, dtype: torch.dtype) -> None:
    """Cast every weight that is not trained to `dtype`, in place, which autocast would do again at every step.

    The trained ones stay in float32, as the optimiser needs them, and autocast casts the inputs of their layers.
    Gain: LoRA and InA 1.2, and half the memory of the base; full fine-tuning has nothing frozen.
    """
    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            module.cast_input_dtype_enabled = False
    for weight in model.parameters():
        if not weight.requires_grad and weight.is_floating_point():
            weight.data = weight.data.to(dtype)


@contextmanager
def exact_products_by_onednn() -> Iterator[None]:
    """While the block runs, compute float32 products by oneDNN on AMD processors, if oneDNN's error is at most four
    times MKL's.

    MKL takes its slower path on AMD processors; oneDNN was 1.5 to 1.7 times as fast there. torch offers oneDNN only as
    "may compute in bfloat16", which it does where the processor can. So the error is measured first, and oneDNN is not
    used where it is more than four times that of MKL.
    """
    old_precision = torch.backends.mkldnn.matmul.fp32_precision
    try:
        if "AuthenticAMD" in proc("cpuinfo"):
            exact = _product_error()
            torch.backends.mkldnn.matmul.fp32_precision = "bf16"
            if _product_error() > 4 * exact:
                torch.backends.mkldnn.matmul.fp32_precision = old_precision
        yield
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = old_precision


def _product_error() -> float:
    """Relative error of a float32 product of the size of a projection: 3e-7, or 2e-3 if computed in bfloat16."""
    draw = torch.Generator().manual_seed(0)
    x, weight = torch.randn(256, 384, generator=draw), torch.randn(384, 384, generator=draw)
    exact = x.double() @ weight.double().T
    return ((nn.functional.linear(x, weight) - exact).norm() / exact.norm()).item()


def proc(name: str) -> str:
    """A file of Linux's /proc, empty on other systems."""
    path = Path("/proc", name)
    return path.read_text() if path.exists() else ""


# --- threads


@lru_cache
def idle_cores() -> int:
    """The number of idle cores among those that this process may use, at least 1; measured once in a process.

    More threads than that make a run slower, as all of them wait, at full load, for those without a core.
    """
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    loads = psutil.cpu_percent(interval=0.5, percpu=True)
    return max(1, len(cores - {core for core, percent in enumerate(loads) if percent > 50}))
