"""The linear layers of the study's encoders, by site, so that every method adapts the same layers."""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from .adapter import sites as adapter_sites


def target_modules(model: PreTrainedModel, sites: tuple[str, ...]) -> list[str]:
    """Module names of `sites` in `model`: some of "query", "key", "value"; or "all", every linear layer of the encoder.

    Raises:
        ValueError: The family or a site is unknown; the message lists the known ones.
    """
    if sites != ("all",):
        names = adapter_sites.target_modules(model.config.model_type, sites)
        is_split = any(isinstance(module, SplitProjection) for module in model.modules())
        return [name.replace(".", ".split_") for name in names] if is_split else names
    in_a_layer = re.compile(rf"{model.base_model_prefix}\..*\.\d+\.")
    return [name for name, module in model.named_modules() if isinstance(module, nn.Linear) and in_a_layer.match(name)]


class SplitProjection(nn.Module):
    """DeBERTa v1's fused `in_proj` as three linear modules that a tuner can adapt one by one.

    They are named `split_query` and so on, so that their adapters do not fit a DeBERTa with a fused projection.

    The fused weight of shape (3 * heads * d_head, d) has, for each head, d_head rows of query, then key, then value
    (transformers' DebertaSelfAttention: one view by head, then a chunk into three). The output has the same layout.
    """

    def __init__(self, fused: nn.Linear, heads: int) -> None:
        super().__init__()
        self.heads = heads
        rows = fused.weight.detach().unflatten(0, (heads, 3, -1))
        for index, part in enumerate(("query", "key", "value")):
            weight = rows[:, index].flatten(0, 1)
            linear = nn.Linear(fused.in_features, len(weight), bias=False, device="meta")
            linear.weight = nn.Parameter(weight.clone(), requires_grad=fused.weight.requires_grad)
            self.add_module(f"split_{part}", linear)

    def forward(self, x: Tensor) -> Tensor:
        """Project `x` (..., d) to the fused layout (..., 3 * heads * d_head)."""
        parts = [part(x).unflatten(-1, (self.heads, -1)) for part in self.children()]
        return torch.stack(parts, dim=-2).flatten(-3)


def split_fused_projections(model: nn.Module) -> nn.Module:
    """Split the fused projections of a DeBERTa v1 into query, key and value modules, in place.

    Raises:
        ValueError: The projections are quantised.
    """
    for attention in list(model.modules()):
        fused = getattr(attention, "in_proj", None)
        if isinstance(fused, nn.Linear) and hasattr(attention, "num_attention_heads"):
            if not fused.weight.is_floating_point():
                raise ValueError("the fused projections of a DeBERTa v1 cannot be split once they are quantised")
            attention.in_proj = SplitProjection(fused, attention.num_attention_heads)
    return model
