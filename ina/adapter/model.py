"""The PEFT tuner: which modules of a model become InA projections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

from peft import PeftConfig
from peft.tuners.tuners_utils import BaseTuner, BaseTunerLayer, check_target_module_exists, replicate_layers
from peft.utils.constants import MIN_TARGET_MODULES_FOR_OPTIMIZATION
from peft.utils.other import AuxiliaryTrainingWrapper
from torch import nn
from transformers.pytorch_utils import Conv1D

from .config import InaConfig
from .layer import CANNOT_MERGE, InaLinear, features
from .sites import ALTERNATIVES, FUSED, PROJECTIONS, Fused, default_targets, fused_layout

# Modules whose weights are read without a call. PEFT refuses `out_proj` of the same families for LoRA.
_READ_BY_KERNELS = {
    **dict.fromkeys(("mamba", "falcon_mamba"), ("out_proj", "x_proj", "dt_proj")),
    **dict.fromkeys(("mamba2", "falcon_h1", "nemotron_h"), ("out_proj",)),
}
_LEAVE_OUT = "leave it out of `target_modules`, or name it in `exclude_modules`"


class InaModel(BaseTuner):
    """Adds InA to linear modules of a pre-trained transformer, by default to its query and key projections.

    Use it through PEFT: ``peft.get_peft_model(model, InaConfig())``. As with LoRA, adapters can be saved, loaded,
    switched, disabled and mixed within a batch. They cannot be merged, because the update depends on the input. In a
    fused query-key-value projection, ``<module>.query`` is a target like any other.
    """

    prefix: str = "ina_"
    tuner_layer_cls = InaLinear
    target_module_mapping = {family: default_targets(family) for family in PROJECTIONS}

    def _prepare_adapter_config(self, peft_config: InaConfig, model_config: dict[str, Any]) -> InaConfig:
        super()._prepare_adapter_config(peft_config, model_config).check()  # PEFT may fill in a regular expression
        targets = peft_config.target_modules
        many = isinstance(targets, set) and len(targets) >= MIN_TARGET_MODULES_FOR_OPTIMIZATION
        if many and model_config.get("model_type") in FUSED and peft_config.layers_to_transform is None:
            # PEFT shortens a long list to suffixes that match no other module. A part of a fused projection is not a
            # module, so PEFT cannot shorten it
            peft_config.target_modules = rf"(.*\.)?({'|'.join(map(re.escape, sorted(targets)))})"
        return peft_config

    def _prepare_model(self, peft_config: InaConfig, model: nn.Module) -> None:
        if not any(isinstance(module, InaLinear) for module in model.modules()):
            for name, _ in model.named_modules():
                if self.prefix in name:
                    raise ValueError(
                        f"the module {name!r} should have another name: PEFT treats every weight with {self.prefix!r} "
                        "in its name as a weight of InA"
                    )
        if peft_config.threshold == "tensor" and getattr(model, "can_generate", bool)():
            raise ValueError(
                f"`threshold` should be 'token' for {type(model).__name__}, which generates text: a maximum over all "
                "tokens would let a token see later tokens"
            )
        family = getattr(getattr(model, "config", None), "model_type", None)
        if family in ALTERNATIVES and peft_config.target_modules == default_targets(family):
            # keep only names that the model has, so that PEFT refuses an adapter from another version of transformers
            present = {name.rpartition(".")[2] for name, _ in model.named_modules()}
            peft_config.target_modules &= present
        if peft_config.layer_replication:
            replicate_layers(model, peft_config.layer_replication)

    def _check_target_module_exists(self, peft_config: PeftConfig, key: str) -> bool | re.Match[str] | None:
        found = check_target_module_exists(peft_config, key)
        if _is_excluded(found):
            return found
        parts = list(self._found_parts(peft_config, key).values())
        if found and not (parts and all(map(_is_excluded, parts))):
            return found
        return any(parts) or next(filter(_is_excluded, parts), False)

    def _check_target_module_compatiblity(self, peft_config: PeftConfig, model: nn.Module, target_name: str) -> None:
        family = getattr(getattr(model, "config", None), "model_type", None)
        if target_name in _READ_BY_KERNELS.get(family, ()):
            raise ValueError(
                f"{family} reads the weight of the target {target_name!r} without calling it and would ignore the "
                f"adapter; {_LEAVE_OUT}"
            )

    def _fused(self, key: str) -> Fused | None:
        module = self.model.get_submodule(key)
        base = module.get_base_layer() if isinstance(module, InaLinear) else module
        if not isinstance(base, nn.Linear | Conv1D):
            return None
        return fused_layout(self._config_above(key), key.rpartition(".")[2], features(base)[1])

    def _config_above(self, key: str) -> Any:
        """The config of the innermost model around the module `key`; an encoder and its decoder may differ."""
        path = key.split(".")
        around = (self.model.get_submodule(".".join(path[:depth])) for depth in reversed(range(len(path))))
        configs = (getattr(module, "config", None) for module in around)
        return next((config for config in configs if getattr(config, "model_type", None)), None)

    def _found_parts(self, peft_config: PeftConfig, key: str) -> dict[str, Any]:
        """What PEFT finds for each part of the module `key`; empty if it is not a fused projection."""
        fused = self._fused(key)
        parts = fused.widths if fused else ()
        return {part: check_target_module_exists(peft_config, f"{key}.{part}") for part in parts}

    def _parts(self, peft_config: PeftConfig, key: str) -> tuple[str, ...]:
        """The parts of the module `key` to adapt; empty if the whole module is to be adapted."""
        found = self._found_parts(peft_config, key)
        if not check_target_module_exists(peft_config, key):
            return tuple(part for part, is_target in found.items() if is_target)
        left = tuple(part for part, is_target in found.items() if not _is_excluded(is_target))
        return left if len(left) < len(found) else ()

    def _create_and_replace(
        self,
        peft_config: InaConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        **_: Any,
    ) -> None:
        parts = self._parts(peft_config, current_key)
        if isinstance(target, InaLinear):
            target.update_layer(adapter_name, peft_config, current_key, parts)
            return
        if isinstance(parent, nn.MultiheadAttention | nn.TransformerEncoderLayer):
            raise ValueError(
                f"the target {current_key!r} is a part of torch's {type(parent).__name__}, which reads its weights "
                f"without calling it; {_LEAVE_OUT}"
            )
        if isinstance(target, BaseTunerLayer):
            method = type(target).__module__.split(".")[2]
            raise ValueError(f"the target {current_key!r} has an adapter of {method}; remove it first with `unload()`")
        if not isinstance(target, nn.Linear | Conv1D):
            raise ValueError(
                f"InA adapts linear modules, and the target {current_key!r} is a {type(target).__name__}; {_LEAVE_OUT}"
            )
        layer = InaLinear(target, adapter_name, peft_config, current_key, self._fused(current_key), parts)
        if adapter_name not in self.active_adapters:
            layer.requires_grad_(False)
        self._replace_module(parent, target_name, layer, target)

    def _replace_module(self, parent: nn.Module, child_name: str, new_module: nn.Module, child: nn.Module) -> None:
        # PEFT's method also copies `weight` by name, which fails on heads without one, such as RoBERTa's. It also sets
        # devices, which an InA layer has already done.
        setattr(parent, child_name, new_module)

    @contextmanager
    def _enable_peft_forward_hooks(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        """Inside the block, pass `adapter_names` (one per example) to every layer, as LoRA does."""
        names = kwargs.get("adapter_names")
        if names is None:
            yield
            return
        if self.training:
            raise ValueError("Cannot pass `adapter_names` when the model is in training mode; call `eval()` first")
        layers = [module for module in self.modules() if isinstance(module, InaLinear | AuxiliaryTrainingWrapper)]
        known = {"__base__"}.union(*(layer.ina_A for layer in layers if isinstance(layer, InaLinear)))
        if unknown := sorted(set(names) - known):
            raise ValueError(f"non-existing adapters: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        # beam search repeats every example, except in an encoder
        beams = kwargs.get("num_beams") or 1
        repeated = [name for name in names for _ in range(beams)]
        encoder = self.model.get_encoder() if beams > 1 and hasattr(self.model, "get_encoder") else self.model
        once = set(encoder.modules()) if encoder is not self.model else set()
        hooks = [
            layer.register_forward_pre_hook(
                partial(_with_adapter_names, names if layer in once else repeated), with_kwargs=True
            )
            for layer in layers
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def add_weighted_adapter(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Not supported.

        Raises:
            NotImplementedError: Always; the update is not linear in the weights.
        """
        raise NotImplementedError(
            "InA adapters cannot be averaged or joined into one: each has its own gate and threshold. Activate several "
            "at once with `model.base_model.set_adapter([...])`; their updates add up"
        )

    def _check_merge_allowed(self) -> None:
        raise NotImplementedError(CANNOT_MERGE)


def _is_excluded(found: Any) -> bool:
    """Whether `exclude_modules` matches: PEFT then returns a falsy object that is neither None nor False."""
    return not found and found is not None and found is not False


def _with_adapter_names(names: list[str], module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict]:
    return args, kwargs | {"adapter_names": names}
