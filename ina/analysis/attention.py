"""Where attention goes, with the adapter in place; and where it would go if the linear part were merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from peft import PeftModel, PeftModelForQuestionAnswering
from torch import Tensor, nn

from .gates import Site
from .texts import KINDS


@torch.no_grad()
def attention_maps(model: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    """Attention of one passage in each layer, mean over heads, (layers, tokens, tokens). Rows sum to 1."""
    backbone = model.get_base_model() if isinstance(model, PeftModel) else model
    if isinstance(model, PeftModelForQuestionAnswering):  # trained without segment ids, see `ina.methods.task_type`
        inputs = {name: tensor for name, tensor in inputs.items() if name != "token_type_ids"}
    backbone.set_attn_implementation("eager")  # other implementations do not return attention weights
    return torch.cat(backbone.base_model(**inputs, output_attentions=True).attentions).mean(dim=1)


def attention_by_kind(maps: Tensor, kinds: Sequence[str]) -> np.ndarray:
    """Attention paid to tokens of each of `KINDS`, (layers, 1 + kinds, kinds).

    The first row is the mean over all tokens, each other row over tokens of one kind; NaN if there are none.
    """
    masks = torch.tensor(np.array(kinds)[:, None] == KINDS, dtype=maps.dtype)  # (tokens, kinds)
    row_masks = torch.cat([torch.ones_like(masks[:, :1]), masks], dim=1)
    return (row_masks.T @ maps @ masks / row_masks.sum(dim=0)[:, None]).numpy()  # 0 / 0 if there are none


def attention_moved(a: Tensor, b: Tensor) -> np.ndarray:
    """The share of attention that goes to other tokens in maps `b` than in maps `a`, (layers,)."""
    return (0.5 * (a - b).abs().sum(dim=-1).mean(dim=-1)).numpy()


@contextmanager
def merged(adapted: list[Site]) -> Iterator[None]:
    """While the block runs, the linear part s * W_down W_up of every adapter is in the base weight, without its gate.

    `merge_and_unload` in the authors' code does this to an InA adapter before it draws pictures: threshold and
    activation are lost, and the model computes what LoRA would with the same factors. For LoRA, nothing changes.
    """
    with torch.no_grad():
        originals = [(site.base.weight.clone(), site.up.weight.clone()) for site in adapted]
        try:
            for site in adapted:
                site.base.weight += site.scale * site.up.weight @ site.down.weight
                site.up.weight.zero_()
            yield
        finally:
            for site, (base, up) in zip(adapted, originals, strict=True):
                site.base.weight.copy_(base)
                site.up.weight.copy_(up)
