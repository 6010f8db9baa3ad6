"""What the gate does to the rank components Z of each token, at each adapted projection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from ..adapter import InaLinear
from ..adapter.gate import ACTIVATIONS, InhibitionGate
from ..adapter.sites import PROJECTIONS

MEASURES = {
    "update": "norm of the update over that of the base projection, |s f(Z − Th) W_up| / |H_o|",
    "passed": "norm after the gate over norm before the gate, |f(Z − Th)| / |Z|",
    "inhibited": "share of rank components below the threshold, Z < Th",
    "tail": "share of |f(Z − Th)|² that comes from inhibited components, through the negative tail of f",
    "negative_peak": "share of tokens whose largest component is negative; then Th is negative, and subtracting it "
    "raises all components",
    "raised": "for these tokens, |f(Z − Th)| / |f(Z)|; above 1 (100 %): more passes than without a threshold",
}
"""Measured for each token. For LoRA only "update" is defined."""


@dataclass(frozen=True)
class Site:
    """An adapted projection: `base` gives H_o, the adapter adds s * f(H W_down - Th) W_up.

    layer: counted from 1
    gate: None in LoRA, which passes Z on as it is
    """

    layer: int
    name: str
    base: nn.Linear
    down: nn.Linear
    up: nn.Linear
    scale: float
    gate: InhibitionGate | None

    def after_gate(self, z: Tensor) -> Tensor:
        """The input of W_up for rank components `z`, (..., r)."""
        return z if self.gate is None else self.gate(z)


def sites(model: nn.Module) -> list[Site]:
    """The projections that LoRA or InA adapts, in the order of the modules; empty for other methods."""
    names = {module: name for family in PROJECTIONS.values() for name, module in family.items()}
    adapted = []
    for path, module in model.named_modules():
        # AdaLoRA's layers have a lora_A too, but its entries are parameters, not modules
        if isinstance(module, InaLinear) or isinstance(getattr(module, "lora_A", None), nn.ModuleDict):
            kind, [adapter] = "ina" if isinstance(module, InaLinear) else "lora", module.active_adapters
            down, up = (getattr(module, f"{kind}_{part}")[adapter] for part in "AB")
            gate = module.ina_gate[adapter] if kind == "ina" else None
            layer, inside = re.search(r"\.(\d+)\.(.*)", path.replace(".split_", ".")).groups()  # SplitProjection's
            name = next((name for suffix, name in names.items() if inside.endswith(f".{suffix}")), inside)
            adapted.append(Site(int(layer) + 1, name, module.get_base_layer(), down, up, module.scaling[adapter], gate))
    return adapted


def observe(site: Site, h: Tensor, z: Tensor) -> dict[str, Tensor]:
    """The `MEASURES` of tokens with inputs `h` (tokens, d) and rank components `z` (tokens, r), (tokens,) each.

    NaN if a measure is not defined for a token: "raised" if the largest component is not negative.
    """
    behind = site.after_gate(z)
    update = site.scale * nn.functional.linear(behind, site.up.weight)
    measures = {"update": update.norm(dim=-1) / site.base(h).norm(dim=-1)}
    if site.gate is None:
        return measures
    below = site.gate.inhibit(z) < 0
    negative = (site.gate.peak(z) < 0).expand(len(z), 1).squeeze(-1)
    raised = behind.norm(dim=-1) / ACTIVATIONS[site.gate.activation](z).norm(dim=-1)
    return measures | {
        "passed": behind.norm(dim=-1) / z.norm(dim=-1),
        "inhibited": below.float().mean(dim=-1),
        "tail": (behind * below).square().sum(dim=-1) / behind.square().sum(dim=-1),
        "negative_peak": negative.float(),
        "raised": torch.where(negative, raised, torch.nan),
    }


@contextmanager
def watching(adapted: Sequence[Site]) -> Iterator[dict[Site, Tensor]]:
    """Keep the inputs of each site, (tokens, d), for the passage that the model reads while the block runs.

    DeBERTa also projects its relative positions, after the tokens; these are not kept.
    """
    seen: dict[Site, Tensor] = {}

    def keep(site: Site, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.setdefault(site, inputs[0].flatten(0, -2))

    handles = [site.down.register_forward_pre_hook(partial(keep, site)) for site in adapted]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def effective_rank(moments: Tensor, up: Tensor) -> float:
    """exp of the entropy of the normalised singular values of G W_up (Roy and Vetterli 2007): from 1 to the rank.

    Args:
        moments: G^T G (r, r), summed over any number of tokens.
        up: W_up as torch keeps it, (k, r).
    """
    gram = up.detach().double().T @ up.detach().double()
    singular = torch.linalg.eigvals(moments @ gram).real.clamp(min=0).sqrt()
    return float(torch.special.entr(singular / singular.sum()).sum().exp())
