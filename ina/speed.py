"""Ways to take the same training steps in less time, each a function of its own; :func:`faster` applies those that fit.

:func:`cast_frozen` and :func:`first_token_only` are for any hardware, the others for processors without an accelerator;
each does nothing where it does not apply. :func:`exact_products_by_onednn` is for plain training too. Two functions
look at the machine: :func:`bfloat16_speedup` and :func:`idle_cores`.
What each gains is in its docstring: the time of a training step without it over the time with it, on MiniLM, batch 32,
one thread of an Intel Xeon with AMX; `make bench` measures it again. What gained less than 3 % was left out:
torch.compile, sdpa while training, weights packed for oneDNN, a collator of our own, an autograd function for the gate.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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

CLASSIFIERS = {
    f"{family}For{task}"
    for family in ("Bert", "Roberta", "Deberta", "DebertaV2")
    for task in ("SequenceClassification", "MultipleChoice")
}
SHORT = 32  # tokens: from here on sdpa is the quicker attention without dropout


@contextmanager
def faster(model: nn.Module, dtype: str, token_ids: np.ndarray, weight_decay: float) -> Iterator[None]:
    """Prepare `model` in place for quick training and evaluation while the block runs.

    Args:
        model: A backbone with its head, or a PEFT model around one, on the CPU.
        dtype: "bfloat16" where training uses autocast to it, else "float32".
        token_ids: Every token id that the model will see, in any order.
        weight_decay: That of the optimiser.
    """
    with ExitStack() as stack:
        stack.enter_context(first_token_only(model))
        if dtype == "bfloat16":
            cast_frozen(model, torch.bfloat16)
        if not torch.accelerator.is_available():
            cheaper_dropout(model)
            short_attention(model)
            stack.enter_context(only_used_rows(model, token_ids, weight_decay))
        yield


# --- dropout


def cheaper_dropout(model: nn.Module) -> None:
    """Let every dropout module of `model` draw its masks by :func:`drop`. LoRA and InA 1.2, full fine-tuning 1.1."""
    for module in model.modules():
        if type(module) is nn.Dropout:
            module.__class__ = _Dropout


class _Dropout(nn.Dropout):
    def forward(self, x: Tensor) -> Tensor:
        return drop(x, self.p) if self.training else x


def drop(x: Tensor, p: float) -> Tensor:
    """Dropout: each element is zero with probability `p`, independently, and scaled by 1 / (1 - p) otherwise.

    torch's draws its mask one element at a time; this compares 16 random bits an element with a threshold, so `p` is
    rounded to a multiple of 2**-16 and the scale goes by the rounded value. The stream starts anew at every call from
    torch's own generator: seeds, checkpoints of its state and gradient checkpointing work as they do for torch's.
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
    """Let BERT and RoBERTa attend by :func:`_attention`; DeBERTa's attention is its own and stays as it is.

    Training LoRA and InA on MRPC's lengths 1.2 (CoLA's 1.0), evaluation on CoLA's 1.3. Full fine-tuning in bfloat16
    gains 1.1 besides on SQuAD's lengths, as the mask leaves the scores in that type.
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
    """transformers' eager attention with :func:`drop`, and without dropout the quicker of two for the length.

    Shapes: query, key and value (batch, heads, M, d_head), attention_mask (batch, 1, M, M), the result
    (batch, M, heads, d_head) and the weights (batch, heads, M, M).
    """
    if not dropout and key.shape[2] >= SHORT:
        return sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, is_causal=False, **settings
        )
    scores = torch.matmul(query * scaling, key.transpose(2, 3))
    if attention_mask is not None:
        scores.add_(attention_mask.to(scores.dtype))  # a float32 mask would make all that follows float32
    weights = drop(scores.softmax(-1), dropout) if dropout else _softmax(scores)
    return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights


def _softmax(scores: Tensor) -> Tensor:
    """Softmax over short rows, in operations on the whole tensor; torch's goes through such rows one by one."""
    powers = torch.exp(scores.float() - scores.amax(-1, keepdim=True))
    return (powers / powers.sum(-1, keepdim=True)).to(scores.dtype)


@contextmanager
def first_token_only(model: nn.Module) -> Iterator[None]:
    """Let a classifier's last layer go on with the first token alone, which its head reads, while the block runs.

    Exact: its keys and values are those of all tokens. Training on CoLA's lengths 1.05, on MRPC's 1.1.
    """
    hooks = []
    for module in model.modules():
        if isinstance(module, PreTrainedModel) and type(module).__name__ in CLASSIFIERS:
            attention = module.base_model.encoder.layer[-1].attention
            hooks.append(attention.self.register_forward_hook(lambda _, __, out: (_first(out[0]), *out[1:])))
            hooks.append(attention.output.register_forward_pre_hook(lambda _, given: (given[0], _first(given[1]))))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _first(states: Tensor) -> Tensor:
    return states[:, :1].contiguous()  # oneDNN takes its slowest path for products with anything else


# --- number formats


def cast_frozen(model: nn.Module, dtype: torch.dtype) -> None:
    """Hold every weight that is not trained in `dtype`, which autocast would cast to anew at every step.

    The trained ones stay the float32 masters that the optimiser needs, and their layers leave the cast of their inputs
    to autocast. LoRA and InA 1.2, and half the memory of the base; full fine-tuning has nothing frozen.
    """
    for module in model.modules():
        if isinstance(module, BaseTunerLayer):
            module.cast_input_dtype_enabled = False
    for weight in model.parameters():
        if not weight.requires_grad:
            weight.data = weight.data.to(dtype)


@lru_cache
def bfloat16_speedup() -> float:
    """How many times as fast as in float32 this machine multiplies in bfloat16, measured once in a process.

    The product is one of a projection's size, by one thread; float32's is computed as in training. That a processor has
    instructions for bfloat16 does not tell: those of AMX are faster, AVX512's take twice as long as float32 on some.
    """
    draw = torch.Generator().manual_seed(0)
    x, weight = torch.randn(352, 384, generator=draw), torch.randn(384, 384, generator=draw)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode(), exact_products_by_onednn():
            pairs = [[_seconds(x.to(dtype), weight.to(dtype)) for dtype in _FORMATS] for _ in range(8)]
    finally:
        torch.set_num_threads(threads)
    return float(np.median([float32 / bfloat16 for float32, bfloat16 in pairs[1:]]))  # the first sets the kernels up


_FORMATS = (torch.float32, torch.bfloat16)


def _seconds(x: Tensor, weight: Tensor) -> float:
    start = time.perf_counter()
    nn.functional.linear(x, weight)
    return time.perf_counter() - start


@contextmanager
def exact_products_by_onednn() -> Iterator[None]:
    """Send float32 products to oneDNN while the block runs, where that is faster and no less exact.

    MKL takes its slower path on AMD processors; oneDNN's was 1.5 to 1.7 times as fast there. torch offers it only as
    "may compute in bfloat16", and where the processor has instructions for that it does: the error decides.
    """
    before = torch.backends.mkldnn.matmul.fp32_precision
    try:
        if _made_by_amd():
            exact = _product_error()
            torch.backends.mkldnn.matmul.fp32_precision = "bf16"
            if _product_error() > 4 * exact:
                torch.backends.mkldnn.matmul.fp32_precision = before
        yield
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = before


def _product_error() -> float:
    """Relative error of a float32 product of the size of a projection: 3e-7, or 2e-3 if computed in bfloat16."""
    draw = torch.Generator().manual_seed(0)
    x, weight = torch.randn(256, 384, generator=draw), torch.randn(384, 384, generator=draw)
    exact = x.double() @ weight.double().T
    return ((nn.functional.linear(x, weight) - exact).norm() / exact.norm()).item()


def _made_by_amd() -> bool:
    try:
        return "AuthenticAMD" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


# --- embeddings


@contextmanager
def only_used_rows(model: nn.Module, token_ids: np.ndarray, weight_decay: float) -> Iterator[None]:
    """Keep only the rows of `token_ids` in a trained token embedding while the block runs, then put them back.

    Its gradient is dense: every step fills a matrix of the vocabulary's size with zeros and lets the optimiser walk
    over it, though a row that no token refers to has gradient zero and Adam leaves it alone. So nothing changes, except
    where weight decay would move such rows: then all stay. Full fine-tuning 1.3.
    """
    full = model.get_input_embeddings()
    if weight_decay or not full.weight.requires_grad:
        yield
        return
    padding = [] if full.padding_idx is None else [full.padding_idx]
    used = torch.from_numpy(np.union1d(token_ids, padding).astype(np.int64))
    rows = _Rows(full, used)
    model.set_input_embeddings(rows)
    try:
        yield
    finally:
        with torch.no_grad():
            full.weight[used] = rows.weight.to(full.weight.device)
        model.set_input_embeddings(full)


class _Rows(nn.Embedding):
    """The rows `used` of an embedding, called with the token ids of the whole; any other id is an IndexError."""

    def __init__(self, full: nn.Embedding, used: Tensor) -> None:
        place = torch.full((full.num_embeddings,), len(used))
        place[used] = torch.arange(len(used))
        padding = None if full.padding_idx is None else int(place[full.padding_idx])
        super().__init__(*full.weight[used].shape, padding_idx=padding, _weight=full.weight.detach()[used])
        self.register_buffer("place", place, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        return super().forward(self.place[ids])


# --- threads


@lru_cache
def idle_cores() -> int:
    """How many of the cores that this process may use are idle, at least 1; looked at once in a process.

    More threads than that make a run slower: those that have a core wait, at full load, for one that has none.
    """
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    loads = psutil.cpu_percent(interval=0.5, percpu=True)
    return max(1, len(cores - {core for core, percent in enumerate(loads) if percent > 50}))
