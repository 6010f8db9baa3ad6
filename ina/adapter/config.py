"""Settings of an InA adapter."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

from peft import PeftConfig, PeftType
from peft.tuners.tuners_utils import BaseTuner
from peft.utils.other import get_pattern_key

from .card import write_card
from .gate import ACTIVATIONS, THRESHOLDS

BIASES = ("none", "all", "ina_only")


@dataclass
class InaConfig(PeftConfig):
    """Configuration of inhibition adaptation (Kang et al., Neural Networks 178 (2024) 106410).

    Every adapted projection computes ``H_o + s * f(H W_down - Inh_p * max(H W_down)) W_up``; see
    `ina.adapter.layer.InaLinear` for the equation with shapes.

    Args:
        r: Rank of the low-rank path, a positive integer. Paper: 4 and 8.
        alpha: Numerator of the scale ``s = alpha / r``. Released code: 16.
        scale: ``s`` itself, instead of ``alpha / r``. The paper calls it tunable, in {0, 1}.
        dropout: Dropout on the input of ``W_down`` during training, in [0, 1). Released code: 0.1.
        inhibition: ``Inh_p`` in [0, 1]. A rank component below this share of the largest one is inhibited; `threshold`
            tells which is the largest. Paper: 0, 0.1, 0.3 and 0.9. At 0 the activation still applies, so InA equals
            LoRA only if `activation` is "identity".
        activation: ``f``. Paper: "gelu" in the text; "leaky_relu" has the same mean in the ablation table (84.2).
            Released code: "leaky_relu".
        threshold: "token": one threshold per token, from its maximum over the rank (paper). "tensor": one threshold
            from the maximum over the whole batch (the precursor giBERT).
        detach_threshold: Stop the gradient at the maximum. The paper does not say; the released code does not stop it.
        target_modules: Names (or a regular expression) of the linear modules to adapt. A part of a fused projection is
            named like a module inside it: "c_attn.query". None: the query and key projections of the model's family.
        exclude_modules: Names (or a regular expression) of modules to leave alone.
        modules_to_save: Further modules to train and save; PEFT adds the head of a classification or question
            answering model itself.
        trainable_token_indices: Tokens whose embeddings are trained too, as in PEFT's LoRA.
        rank_pattern: Ranks that replace `r` in single modules, by name or regular expression; the parts of a fused
            projection share one rank.
        alpha_pattern: The same for `alpha`.
        use_rslora: ``s = alpha / sqrt(r)``, as in rank-stabilised LoRA.
        layers_to_transform: Indices of the layers to adapt; `target_modules` must not be a regular expression.
        layers_pattern: Name of the layer list that `layers_to_transform` indexes, if the model has several.
        layer_replication: Ranges of layers to build the model from, as in LoRA: [[0, 4], [2, 5]].
        bias: The biases to train: "none", "all", or "ina_only" (those of the adapted modules).
        init_weights: True: ``W_up`` starts at zero, so the adapted model starts equal to the base model. False: both
            factors start random, for tests.

    Raises:
        ValueError: Settings have wrong types or, if all types are right, wrong values; the message lists them.
    """

    r: int = 8
    alpha: float = 16
    scale: float | None = None
    dropout: float = 0.0
    inhibition: float = 0.3
    activation: str = "gelu"
    threshold: str = "token"
    detach_threshold: bool = False
    target_modules: list[str] | str | None = None
    exclude_modules: list[str] | str | None = None
    modules_to_save: list[str] | None = None
    trainable_token_indices: list[int] | dict[str, list[int]] | None = None
    rank_pattern: dict[str, int] = field(default_factory=dict)
    alpha_pattern: dict[str, float] = field(default_factory=dict)
    use_rslora: bool = False
    layers_to_transform: list[int] | int | None = None
    layers_pattern: list[str] | str | None = None
    layer_replication: list[tuple[int, int]] | None = None
    bias: str = "none"
    init_weights: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.peft_type = PeftType.INA
        self.rank_pattern, self.alpha_pattern = self.rank_pattern or {}, self.alpha_pattern or {}
        self.check()
        if isinstance(self.target_modules, list):
            self.target_modules = set(self.target_modules)
        if isinstance(self.exclude_modules, list):
            self.exclude_modules = set(self.exclude_modules)

    def check(self) -> None:
        """Raise ValueError for wrong types or, if all types are right, for wrong values; the message lists them."""
        if problems := list(self._wrong_types()) or list(self._wrong_values()):
            raise ValueError("InaConfig: " + "; ".join(problems))

    def save_pretrained(self, save_directory: str, **kwargs: Any) -> None:
        """Save the settings and a model card, README.md."""
        super().save_pretrained(save_directory, **kwargs)
        write_card(save_directory, self.base_model_name_or_path)

    def _wrong_types(self):
        for name in ("detach_threshold", "use_rslora", "init_weights"):
            if not isinstance(getattr(self, name), bool):
                yield f"`{name}` should be True or False, not {getattr(self, name)!r}"
        for name in ("rank_pattern", "alpha_pattern"):
            if not isinstance(getattr(self, name), dict):
                yield f"`{name}` should map names of modules to numbers, not be {getattr(self, name)!r}"
        for name in ("target_modules", "exclude_modules", "modules_to_save"):
            names, is_expression = getattr(self, name), name != "modules_to_save"
            if isinstance(names, str) and is_expression:
                try:
                    re.compile(names)
                except re.error as error:
                    yield f"`{name}` should be a list of names or a regular expression, not {names!r}: {error}"
            elif names is not None and not _is_list(names, str):
                yield f"`{name}` should be a list of names{' or a regular expression' * is_expression}, not {names!r}"
        layers = self.layers_to_transform
        if layers is not None and not _is_list([layers] if isinstance(layers, int) else layers, int):
            yield f"`layers_to_transform` should be the number of a layer or a list of numbers, not {layers!r}"

    def _wrong_values(self):
        for name, r in {"r": self.r, **_entries("rank_pattern", self.rank_pattern)}.items():
            if not isinstance(r, int) or isinstance(r, bool) or r < 1:
                yield f"`{name}` should be a positive integer, not {r!r}"
        for name, alpha in {"alpha": self.alpha, **_entries("alpha_pattern", self.alpha_pattern)}.items():
            if not _is_number(alpha) or alpha <= 0:
                yield f"`{name}` should be a positive number, not {alpha!r}"
        if self.scale is not None and not _is_number(self.scale):
            yield f"`scale` should be a number or None (alpha / r), not {self.scale!r}"
        if self.scale is not None and (self.use_rslora or self.alpha_pattern):
            yield "`scale` applies to every module: leave out `use_rslora` and `alpha_pattern`"
        if not _is_number(self.dropout) or not 0 <= self.dropout < 1:
            yield f"`dropout` should lie in [0, 1), not {self.dropout!r}"
        if not _is_number(self.inhibition) or not 0 <= self.inhibition <= 1:
            yield f"`inhibition` should lie in [0, 1], not {self.inhibition!r}"
        if self.inhibition == 1 and (1 in (self.r, *self.rank_pattern.values()) or self.activation == "relu"):
            yield (
                "`inhibition` should be below 1 with rank 1 or relu: f(Z - max Z) would be 0 for every token, and "
                "nothing would train"
            )
        for name, allowed in {"activation": ACTIVATIONS, "threshold": THRESHOLDS, "bias": BIASES}.items():
            if getattr(self, name) not in tuple(allowed):  # a list has no hash
                yield f"`{name}` should be one of {', '.join(allowed)}, not {getattr(self, name)!r}"
        if self.threshold == "tensor" and self.task_type in ("CAUSAL_LM", "SEQ_2_SEQ_LM"):
            yield (
                f"`threshold` should be 'token' for {self.task_type}: a maximum over all tokens would let a token see "
                "later tokens"
            )
        if self.bias != "none" and not hasattr(BaseTuner, "_get_learnable_bias_state_dict"):
            yield f"`bias` should be 'none', not {self.bias!r}: this version of PEFT would not save the biases"
        if self.layers_to_transform is not None and isinstance(self.target_modules, str):
            yield f"`layers_to_transform` needs a list of `target_modules`, not {self.target_modules!r}"
        if self.layers_pattern and self.layers_to_transform is None:
            yield "`layers_pattern` needs `layers_to_transform`, which is not set"

    def of_module(self, name: str) -> tuple[int, float]:
        """Rank and scale ``s`` of the module `name` (its full name in the model)."""
        r = self.rank_pattern.get(get_pattern_key(self.rank_pattern, name), self.r)
        alpha = self.alpha_pattern.get(get_pattern_key(self.alpha_pattern, name), self.alpha)
        if self.scale is not None:
            return r, self.scale
        return r, alpha / (math.sqrt(r) if self.use_rslora else r)


def _entries(name: str, pattern: dict[str, float]) -> dict[str, float]:
    return {f"{name}[{key!r}]": value for key, value in pattern.items()}


def _is_list(values: object, kind: type) -> bool:
    is_list = isinstance(values, list | tuple | set)
    return is_list and all(isinstance(value, kind) and not isinstance(value, bool) for value in values)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
