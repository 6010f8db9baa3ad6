"""Where an adapter sits: the modules that are query, key and value projections in each model family."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Hugging Face model type -> what each projection is called there. DeBERTa v1 holds its three projections in one fused
# `in_proj`; `split_fused_projections` gives each part a name of its own.
_BERT = {"query": "query", "key": "key", "value": "value"}
_LLAMA = {"query": "q_proj", "key": "k_proj", "value": "v_proj"}
PROJECTIONS: dict[str, dict[str, str]] = {
    **dict.fromkeys(("bert", "roberta", "xlm-roberta", "camembert", "electra", "albert", "layoutlm", "vit"), _BERT),
    "deberta": {"query": "in_proj.query", "key": "in_proj.key", "value": "in_proj.value"},
    "deberta-v2": {"query": "query_proj", "key": "key_proj", "value": "value_proj"},
    "distilbert": {"query": "q_lin", "key": "k_lin", "value": "v_lin"},
    "t5": {"query": "q", "key": "k", "value": "v"},
    **dict.fromkeys(
        ("llama", "mistral", "mixtral", "gemma", "gemma2", "gemma3_text", "qwen2", "qwen3", "olmo2", "opt", "stablelm"),
        _LLAMA,
    ),
}

# What else is linear in the encoder of the families that `configs/model` has: attention's output and the feed-forward
# layers, and DeBERTa's projections of relative positions.
_DENSE = ["output.dense", "intermediate.dense"]
OTHERS: dict[str, list[str]] = {
    **dict.fromkeys(("bert", "roberta"), _DENSE),
    "deberta": [*_DENSE, "pos_proj", "pos_q_proj"],
    "deberta-v2": [*_DENSE, "pos_key_proj", "pos_query_proj"],
}


def target_modules(model_type: str, sites: tuple[str, ...] = ("query", "key")) -> list[str]:
    """Module names of the projections `sites` ("query", "key", "value") in the family `model_type`.

    ("all",) stands for every linear layer of the encoder.

    Raises:
        ValueError: The family or a site is unknown; the message lists the known ones.
    """
    if model_type not in PROJECTIONS:
        raise ValueError(
            f"no query and key projections are known for model type {model_type!r}; "
            f"name them in `target_modules`, or use one of {', '.join(sorted(PROJECTIONS))}"
        )
    if tuple(sites) == ("all",):
        if model_type not in OTHERS:
            raise ValueError(
                f"all linear layers of the encoder are known for {', '.join(sorted(OTHERS))}, not for {model_type}; "
                "name query, key or value"
            )
        return [*PROJECTIONS[model_type].values(), *OTHERS[model_type]]
    unknown = [site for site in sites if site not in PROJECTIONS[model_type]]
    if unknown or not sites:
        raise ValueError(
            f"sites should be some of query, key, value, or all alone, not {', '.join(map(repr, unknown)) or 'empty'}"
        )
    return [PROJECTIONS[model_type][site] for site in sites]


class SplitProjection(nn.Module):
    """DeBERTa v1's fused `in_proj` as three linear modules that a tuner can address one by one.

    The fused weight of shape (3 * heads * d_head, d) holds, head after head, d_head rows of query, then key, then value
    (transformers' DebertaSelfAttention: one view by head, then a chunk into three). The output has that layout too.
    """

    parts = ("query", "key", "value")

    def __init__(self, fused: nn.Linear, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_features, self.out_features = fused.in_features, fused.out_features
        rows = fused.weight.detach().unflatten(0, (heads, 3, -1))
        for index, part in enumerate(self.parts):
            weight = rows[:, index].flatten(0, 1)
            linear = nn.Linear(fused.in_features, len(weight), bias=False, device="meta")
            linear.weight = nn.Parameter(weight.clone(), requires_grad=fused.weight.requires_grad)
            self.add_module(part, linear)

    @property
    def weight(self) -> Tensor:
        """The fused weight, (3 * heads * d_head, d), without any adapter."""
        linears = (getattr(part, "base_layer", part) for part in (self.query, self.key, self.value))
        return torch.stack([linear.weight.unflatten(0, (self.heads, -1)) for linear in linears], dim=1).flatten(0, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Project `x` (..., d) to the fused layout (..., 3 * heads * d_head)."""
        parts = [part(x).unflatten(-1, (self.heads, -1)) for part in (self.query, self.key, self.value)]
        return torch.stack(parts, dim=-2).flatten(-3)


def split_fused_projections(model: nn.Module) -> nn.Module:
    """Give the fused projections of a DeBERTa v1 separate query, key and value modules, in place; others stay."""
    for attention in list(model.modules()):
        fused = getattr(attention, "in_proj", None)
        if isinstance(fused, nn.Linear) and hasattr(attention, "num_attention_heads"):
            attention.in_proj = SplitProjection(fused, attention.num_attention_heads)
    return model


def fuse_split_projections(model: nn.Module) -> nn.Module:
    """Undo :func:`split_fused_projections`, in place, so that the model has the shape of its checkpoint again."""
    for attention in list(model.modules()):
        split = getattr(attention, "in_proj", None)
        if isinstance(split, SplitProjection):
            fused = nn.Linear(split.in_features, split.out_features, bias=False, device="meta")
            fused.weight = nn.Parameter(split.weight.detach().clone(), requires_grad=split.query.weight.requires_grad)
            attention.in_proj = fused
    return model
