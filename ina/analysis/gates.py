"""What the gate does to the rank components Z of each token, at each adapted projection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pandas as pd
import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from ..adapter import InaLinear
from ..adapter.gate import ACTIVATIONS, InhibitionGate
from ..adapter.sites import PROJECTIONS
from .measurement import ALL, Row

MEASURES = {
    "update": "norm of the update over that of the base projection, |s f(Z − Th) W_up| / |H_o|",
    "passed": "norm behind the gate over that before it, |f(Z − Th)| / |Z|",
    "inhibited": "share of rank components below the threshold, Z < Th",
    "tail": "share of |f(Z − Th)|² that inhibited components pass on, through the negative tail of f",
    "negative_peak": "share of tokens whose largest component is negative: Th raises all of their components",
    "raised": "at these tokens, |f(Z − Th)| / |f(Z)|: above 1, the threshold lets through more than none would",
}
"""Of each token; LoRA has the first alone."""


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

    def behind_gate(self, z: Tensor) -> Tensor:
        """What of the rank components `z` (..., r) reaches W_up."""
        return z if self.gate is None else self.gate(z)


def sites(model: nn.Module) -> list[Site]:
    """The projections that LoRA or InA adapts in `model`, in its order; none after full fine-tuning."""
    found = []
    for path, module in model.named_modules():
        if isinstance(module, InaLinear | LoraLayer):
            kind, [adapter] = "ina" if isinstance(module, InaLinear) else "lora", module.active_adapters
            down, up = (getattr(module, f"{kind}_{part}")[adapter] for part in "AB")
            gate = module.ina_gate[adapter] if kind == "ina" else None
            layer, name = _place(path)
            found.append(Site(layer, name, module.get_base_layer(), down, up, module.scaling[adapter], gate))
    return found


def _place(path: str) -> tuple[int, str]:
    """Layer and site of a module: query, key, value or its name within the layer."""
    layer, inside = re.search(r"\.(\d+)\.(.*)", path).groups()
    names = (name for names in PROJECTIONS.values() for name, module in names.items() if inside.endswith(f".{module}"))
    return int(layer) + 1, next(names, inside)


def observe(site: Site, h: Tensor, z: Tensor) -> dict[str, Tensor]:
    """The `MEASURES` of tokens with inputs `h` (tokens, d) and rank components `z` (tokens, r), (tokens,) each.

    NaN where a measure says nothing of a token: "raised" where the largest component is not negative.
    """
    behind = site.behind_gate(z)
    update = site.scale * site.up(behind)
    found = {"update": update.norm(dim=-1) / site.base(h).norm(dim=-1)}
    if site.gate is None:
        return found
    below = site.gate.inhibit(z) < 0
    negative = (site.gate.peak(z) < 0).expand(len(z), 1).squeeze(-1)
    raised = behind.norm(dim=-1) / ACTIVATIONS[site.gate.activation](z).norm(dim=-1)
    return found | {
        "passed": behind.norm(dim=-1) / z.norm(dim=-1),
        "inhibited": below.float().mean(dim=-1),
        "tail": (behind * below).square().sum(dim=-1) / behind.square().sum(dim=-1),
        "negative_peak": negative.float(),
        "raised": torch.where(negative, raised, torch.nan),
    }


class Watch:
    """What a site did to all tokens so far: the `MEASURES` of each; second moments of Z and f(Z - Th), (r, r)."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.observed: list[pd.DataFrame] = []
        self.moments = torch.zeros(2, site.down.out_features, site.down.out_features, dtype=torch.float64)

    def add(self, h: Tensor, z: Tensor, kinds: Sequence[str]) -> None:
        """Count tokens of these kinds with inputs `h` (tokens, d) and rank components `z` (tokens, r)."""
        values = {name: of.double().numpy() for name, of in observe(self.site, h, z).items()}
        self.observed.append(pd.DataFrame(values).assign(by=kinds))
        for moments, components in zip(self.moments, (z, self.site.behind_gate(z)), strict=True):
            moments += components.double().T @ components.double()

    def rows(self) -> Iterator[Row]:
        """See `ina.analysis.measurement.Measurement`."""
        tokens = pd.concat(self.observed)
        means = pd.concat([tokens.assign(by=ALL), tokens]).groupby("by", sort=False).mean().stack()
        for (by, measure), value in means.items():
            yield self.site.layer, self.site.name, measure, by, "", value
        for measure, moments in zip(("rank_before", "rank_behind"), self.moments, strict=True):
            rank = effective_rank(moments, self.site.up.weight)
            yield self.site.layer, self.site.name, measure, ALL, "", rank


@contextmanager
def watching(watches: list[Watch], kinds: Sequence[str]) -> Iterator[None]:
    """Count the tokens of these kinds that a model reads while the block runs."""

    def hook(watch: Watch):
        return lambda _, inputs, z: watch.add(inputs[0].flatten(0, -2), z.flatten(0, -2), kinds)

    handles = [watch.site.down.register_forward_hook(hook(watch)) for watch in watches]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def effective_rank(moments: Tensor, up: Tensor) -> float:
    """exp of the entropy of the normalised singular values of G W_up (Roy and Vetterli 2007): from 1 to the rank.

    Args:
        moments: G^T G (r, r), of any number of tokens.
        up: W_up as torch keeps it, (k, r).
    """
    gram = up.detach().double().T @ up.detach().double()
    singular = torch.linalg.eigvals(moments @ gram).real.clamp(min=0).sqrt()
    shares = singular[singular > 0] / singular.sum()
    return float(torch.exp(-(shares * shares.log()).sum()))
