"""Where attention goes, with the adapter in place; and where it would go if the linear part were merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from peft import PeftModel
from torch import Tensor, nn

from .gates import Site
from .texts import KINDS


def encoder(model: nn.Module) -> nn.Module:
    """The encoder below the head, adapters included, such that it gives its attention."""
    backbone = model.get_base_model() if isinstance(model, PeftModel) else model
    backbone.set_attn_implementation("eager")
    return backbone.base_model


@torch.no_grad()
def maps(encoder: nn.Module, inputs: dict[str, Tensor]) -> Tensor:
    """Attention in each layer, mean over its heads, (layers, passages, tokens, tokens): every row sums to 1.

    Args:
        inputs: Of passages of the same length, (passages, tokens) each: nothing is padded.
    """
    found = encoder(**inputs, output_attentions=True).attentions
    return torch.stack([layer.mean(dim=1) for layer in found])


def mass(maps: Tensor, kinds: Sequence[Sequence[str]]) -> np.ndarray:
    """Attention paid to tokens of each of `KINDS`, (passages, layers, 1 + kinds, kinds).

    The first row is the mean over all tokens, the others over those of a kind; NaN where there are none.
    """
    to = torch.tensor(np.array(kinds)[..., None] == KINDS, dtype=maps.dtype)  # (passages, tokens, kinds)
    by = torch.cat([torch.ones_like(to[..., :1]), to], dim=-1)
    paid = by.mT @ maps @ to / by.sum(dim=1)[..., None]  # 0 / 0 where there are none
    return paid.transpose(0, 1).numpy()


def distance(a: Tensor, b: Tensor) -> np.ndarray:
    """How much attention goes elsewhere in maps `b` than in `a`, (passages, layers): 0 none, 1 all of it."""
    return (0.5 * (a - b).abs().sum(dim=-1).mean(dim=-1)).T.numpy()


@contextmanager
def merged(adapted: list[Site]) -> Iterator[None]:
    """While the block runs, the linear part s * W_down W_up of every adapter is in the base weight, and nothing else.

    That is what `merge_and_unload` of the authors' code does to an InA adapter before it draws its pictures: threshold
    and activation are gone, and what is left is what LoRA would do with the same factors. For LoRA it changes nothing.
    """
    with torch.no_grad():
        before = [(site.base.weight.clone(), site.up.weight.clone()) for site in adapted]
        try:
            for site in adapted:
                site.base.weight += site.scale * site.up.weight @ site.down.weight
                site.up.weight.zero_()
            yield
        finally:
            for site, (base, up) in zip(adapted, before, strict=True):
                site.base.weight.copy_(base)
                site.up.weight.copy_(up)
