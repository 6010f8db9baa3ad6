"""Settings of an InA adapter."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from peft import PeftConfig, PeftType

from .gate import ACTIVATIONS, THRESHOLDS


@dataclass
class InaConfig(PeftConfig):
    """Configuration of inhibition adaptation (Kang et al., Neural Networks 178 (2024) 106410).

    Every adapted projection computes ``H_o + s * f(H W_down - Inh_p * max(H W_down)) W_up``; see
    :class:`~ina.adapter.layer.InaLinear` for the equation with shapes.

    Args:
        r: Rank of the low-rank path, a positive integer. Paper: 4 and 8.
        alpha: Numerator of the scale ``s = alpha / r``. Released code: 16.
        scale: ``s`` itself, in place of ``alpha / r``. The paper calls it tunable, in {0, 1}.
        dropout: Dropout on the input of ``W_down`` during training, in [0, 1). Released code: 0.1.
        inhibition: ``Inh_p`` in [0, 1], the share of the strongest rank component below which a component is
            inhibited. Paper: 0, 0.1, 0.3 and 0.9. At 0 the activation still applies, so this is not LoRA unless
            `activation` is "identity".
        activation: ``f``. Paper: "gelu" in the text, "leaky_relu" nearly as good; released code: "leaky_relu".
        threshold: "token", one threshold per token, its maximum over the rank (paper), or "tensor", one maximum over
            everything in the batch (the precursor giMLP).
        detach_threshold: Stop the gradient at the maximum. The paper is silent; the released code lets it flow.
        target_modules: Names (or a regular expression) of the linear modules to adapt. None: the query and key
            projections of the model's family.
        exclude_modules: Names (or a regular expression) of modules to leave alone.
        modules_to_save: Further modules to train and save; PEFT adds the head of a classification or question
            answering model by itself.
        init_weights: True: ``W_up`` starts at zero, so that the adapted model starts as the base model. False: both
            factors start random, for tests.

    Raises:
        ValueError: Any setting is outside its range; all such settings are named in one message.
    """

    r: int = field(default=8, metadata={"help": "Rank of the low-rank path."})
    alpha: float = field(default=16, metadata={"help": "Numerator of the scale alpha / r."})
    scale: float | None = field(default=None, metadata={"help": "The scale itself; None means alpha / r."})
    dropout: float = field(default=0.0, metadata={"help": "Dropout on the input of the down projection."})
    inhibition: float = field(default=0.3, metadata={"help": "Inhibition level Inh_p, a share in [0, 1]."})
    activation: str = field(default="gelu", metadata={"help": f"One of {', '.join(ACTIVATIONS)}."})
    threshold: str = field(default="token", metadata={"help": f"One of {', '.join(THRESHOLDS)}."})
    detach_threshold: bool = field(default=False, metadata={"help": "Stop the gradient at the maximum."})
    target_modules: list[str] | str | None = field(
        default=None, metadata={"help": "Linear modules to adapt; None: query and key of the model's family."}
    )
    exclude_modules: list[str] | str | None = field(default=None, metadata={"help": "Modules to leave alone."})
    modules_to_save: list[str] | None = field(default=None, metadata={"help": "Further modules to train and save."})
    init_weights: bool = field(default=True, metadata={"help": "Start as the base model (W_up = 0)."})

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = PeftType.INA
        if isinstance(self.target_modules, list):
            self.target_modules = set(self.target_modules)
        if isinstance(self.exclude_modules, list):
            self.exclude_modules = set(self.exclude_modules)
        problems = list(self._problems())
        if problems:
            raise ValueError("InaConfig: " + "; ".join(problems))

    def _problems(self):
        if not isinstance(self.r, int) or isinstance(self.r, bool) or self.r < 1:
            yield f"`r` should be a positive integer, not {self.r!r}"
        if not _is_number(self.alpha) or self.alpha <= 0:
            yield f"`alpha` should be a positive number, not {self.alpha!r}"
        if self.scale is not None and not _is_number(self.scale):
            yield f"`scale` should be a number or None (alpha / r), not {self.scale!r}"
        if not _is_number(self.dropout) or not 0 <= self.dropout < 1:
            yield f"`dropout` should lie in [0, 1), not {self.dropout!r}"
        if not _is_number(self.inhibition) or not 0 <= self.inhibition <= 1:
            yield f"`inhibition` should lie in [0, 1], not {self.inhibition!r}"
        if self.activation not in ACTIVATIONS:
            yield f"`activation` should be one of {', '.join(ACTIVATIONS)}, not {self.activation!r}"
        if self.threshold not in THRESHOLDS:
            yield f"`threshold` should be one of {', '.join(THRESHOLDS)}, not {self.threshold!r}"

    @property
    def scaling(self) -> float:
        """The scale ``s`` in effect."""
        return self.alpha / self.r if self.scale is None else self.scale


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
