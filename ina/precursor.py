"""The gate of InA's precursor, giBERT (Kang et al. 2022, arXiv:2208.00929): full rank, and all weights are trained.

The equation, the maximum over the whole tensor, the gradient through it, the sites and the training of all weights are
taken from the released code (ChengKang520/gate-with-inhibition@8c7a996, modeling_bert.py and modeling_deberta_v2.py).
No checkpoint has the gate's layers, so the backbone's initialiser fills them. The source states two settings of the
published curves: five epochs and the levels of inhibition.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.models.deberta_v2.modeling_deberta_v2 import DisentangledSelfAttention

from .adapter.gate import ACTIVATIONS, InhibitionGate
from .config import Gate
from .projections import target_modules

FAMILIES = ("bert", "roberta", "deberta", "deberta-v2")


class GatedLinear(nn.Module):
    r"""A linear projection times a gate that reads the same input:

    .. math::
        S = f(H W_{inh} + b_{inh})\, W_{sel} + b_{sel}, \qquad Th = Inh_p \cdot \max(S), \qquad
        H_o \leftarrow (f(S - Th) + 1) \odot H_o

    Shapes: H (..., d), W_inh (d, k) in ``inhibit``, W_sel (k, k) in ``select``, S and H_o (..., k), Th (): one maximum
    over all examples in one forward pass, including padding. So an example's score depends on the others.
    """

    def __init__(self, base_layer: nn.Linear, inhibition: float, activation: str, std: float) -> None:
        super().__init__()
        width, device = base_layer.out_features, base_layer.weight.device
        self.base_layer = base_layer
        self.inhibit = nn.Linear(base_layer.in_features, width, device=device)
        self.select = nn.Linear(width, width, device=device)
        self.gate = InhibitionGate(inhibition, activation, threshold="tensor", detach_threshold=False)
        self.bypass = False  # project without the gate
        for layer in (self.inhibit, self.select):
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Project `x` of shape (..., d) to (..., k)."""
        projected = self.base_layer(x)
        if self.bypass:
            return projected
        selected = self.select(ACTIVATIONS[self.gate.activation](self.inhibit(x)))
        return (self.gate(selected) + 1) * projected


class _GatedTokens(DisentangledSelfAttention):
    """DeBERTa's attention with gates on the projections of tokens, as in the precursor.

    DeBERTa-v3 also projects relative positions with these weights; those projections are not gated.
    """

    def disentangled_attention_bias(self, *arguments: Any, **settings: Any) -> Tensor:
        gates = [child for child in self.children() if isinstance(child, GatedLinear)]
        try:
            for gate in gates:
                gate.bypass = True
            return super().disentangled_attention_bias(*arguments, **settings)
        finally:
            for gate in gates:
                gate.bypass = False


def add_gates(model: PreTrainedModel, method: Gate) -> None:
    """Gate the projections `method.sites` of the last `method.layers` layers, in place.

    Raises:
        ValueError: The type of the model is not in `FAMILIES`.
    """
    family = model.config.model_type
    if family not in FAMILIES:
        raise ValueError(f"the gate of the precursor is for models of type {', '.join(FAMILIES)}, not {family!r}")
    layers = model.base_model.encoder.layer
    for layer in layers[-method.layers :] if method.layers else layers:
        attention = layer.attention.self
        for name in target_modules(model, tuple(method.sites)):
            projection = attention.get_submodule(name)
            gated = GatedLinear(projection, method.inhibition, method.activation, model.config.initializer_range)
            attention.set_submodule(name, gated)
        if isinstance(attention, DisentangledSelfAttention):
            attention.__class__ = _GatedTokens
