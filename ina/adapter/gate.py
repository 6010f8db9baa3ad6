"""The gate between the two low-rank factors: the only place where InA differs from LoRA."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# The first five are in the paper's ablation figure; silu, tanh and identity are ours.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "leaky_relu": F.leaky_relu,  # slope 0.01, as in the released code
    "relu": F.relu,
    "elu": F.elu,
    "selu": F.selu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "identity": lambda z: z,
}
THRESHOLDS = ("token", "tensor")


class InhibitionGate(nn.Module):
    """``f(Z - Th)`` with ``Th = Inh_p * max(Z)``.

    Args:
        inhibition: ``Inh_p``, a share in [0, 1]. At 0 the threshold is zero and only ``f`` is applied.
        activation: Name of ``f`` in `ACTIVATIONS`.
        threshold: "token" takes the maximum over the rank, (..., r) -> (..., 1). "tensor" takes one maximum over all of
            ``Z``, including padding and other examples in the batch, as the precursor giBERT does.
        detach_threshold: Treat the maximum as a constant in the backward pass.
    """

    def __init__(self, inhibition: float, activation: str, threshold: str, detach_threshold: bool) -> None:
        super().__init__()
        self.inhibition = inhibition
        self.activation = activation
        self.threshold = threshold
        self.detach_threshold = detach_threshold

    def forward(self, z: Tensor) -> Tensor:
        """Gate the rank components `z`: (..., r) -> (..., r)."""
        return ACTIVATIONS[self.activation](self.inhibit(z))

    def inhibit(self, z: Tensor) -> Tensor:
        """``Z - Th``, the input of ``f``; negative for inhibited components."""
        if self.inhibition == 0:
            return z
        peak = self.peak(z)
        if self.detach_threshold:
            peak = peak.detach()
        if z.dtype in (torch.bfloat16, torch.float16):
            # torch.sub would round Inh_p to z's dtype: 0.3 to 0.3008
            return z - self.inhibition * peak
        return torch.sub(z, peak, alpha=self.inhibition)

    def peak(self, z: Tensor) -> Tensor:
        """``max(Z)``: (..., 1) for a threshold per token, () for one per tensor."""
        if self.threshold == "token":
            return z.max(dim=-1, keepdim=True).values
        return z.max() if z.numel() else z.sum()  # an empty tensor has no maximum

    def extra_repr(self) -> str:
        """The settings, for the printed model."""
        return f"inhibition={self.inhibition}, activation={self.activation}, threshold={self.threshold}"
