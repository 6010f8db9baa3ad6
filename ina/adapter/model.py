"""The PEFT tuner: which modules of a model become InA projections."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn

from peft import PeftConfig
from peft.tuners.tuners_utils import BaseTuner, check_target_module_exists, replicate_layers
from peft.utils.constants import MIN_TARGET_MODULES_FOR_OPTIMIZATION
from peft.utils.other import AuxiliaryTrainingWrapper
from torch import nn
from transformers.pytorch_utils import Conv1D

from .config import InaConfig
from .layer import CANNOT_MERGE, InaLinear, features
from .sites import FURTHER, FUSED, PROJECTIONS, Fused, default_targets, fused_layout

# Families whose kernels read the weight of `out_proj`; PEFT refuses the same families for LoRA.
_READ_BY_KERNELS = ("falcon_h1", "mamba", "mamba2", "falcon_mamba", "nemotron_h")


class InaModel(BaseTuner):
    """Adds InA to the query and key projections of a pre-trained transformer.

    Use it through PEFT: ``peft.get_peft_model(model, InaConfig())``. As with LoRA, adapters can be saved, loaded,
    switched, disabled and mixed within a batch. They cannot be merged, because the update depends on the input. In a
    fused query-key-value projection, ``<module>.query`` is a target like any other.
    """

    prefix: str = "ina_"
    tuner_layer_cls = InaLinear
    target_module_mapping = {family: default_targets(family) for family in PROJECTIONS}

    def _prepare_adapter_config(self, peft_config: InaConfig, model_config: dict[str, Any]) -> InaConfig:
        super()._prepare_adapter_config(peft_config, model_config).check()  # defaults may be a regular expression
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
        if family in FURTHER and peft_config.target_modules == default_targets(family):
            # drop names that the model lacks: an adapter from another version of transformers must not pass for its own
            present = {name.rpartition(".")[2] for name, _ in model.named_modules()}
            peft_config.target_modules &= present
        if peft_config.layer_replication:
            replicate_layers(model, peft_config.layer_replication)

    def _check_target_module_exists(self, peft_config: PeftConfig, key: str) -> bool | re.Match[str] | None:
        found = check_target_module_exists(peft_config, key)
        # other falsy values mean that `exclude_modules` matches
        return bool(self._parts(peft_config, key)) if found is None or found is False else found

    def _check_target_module_compatiblity(self, peft_config: PeftConfig, model: nn.Module, target_name: str) -> None:
        family = getattr(getattr(model, "config", None), "model_type", None)
        if target_name == "out_proj" and family in _READ_BY_KERNELS:
            raise ValueError(
                f"'out_proj' of {family} should be left out of `target_modules`: in training a kernel reads its weight "
                "directly and would ignore the adapter"
            )

    def _fused(self, key: str) -> Fused | None:
        module = self.model.get_submodule(key)
        base = module.get_base_layer() if isinstance(module, InaLinear) else module
        if not isinstance(base, nn.Linear | Conv1D):
            return None
        return fused_layout(getattr(self.model, "config", None), key.rpartition(".")[2], features(base)[1])

    def _parts(self, peft_config: PeftConfig, key: str) -> tuple[str, ...]:
        """The targeted parts of the module `key`; empty if it is not a fused projection."""
        fused = self._fused(key)
        return (
            tuple(part for part in fused.widths if check_target_module_exists(peft_config, f"{key}.{part}"))
            if fused
            else ()
        )

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
        whole = check_target_module_exists(peft_config, current_key)
        parts = () if whole else self._parts(peft_config, current_key)
        if isinstance(target, InaLinear):
            target.update_layer(adapter_name, peft_config, current_key, parts)
            return
        if isinstance(parent, nn.MultiheadAttention | nn.TransformerEncoderLayer):
            raise ValueError(
                f"the target {current_key!r} is a part of torch's {type(parent).__name__}, which reads its weights "
                "without calling it; leave it out of `target_modules`"
            )
        if not isinstance(target, nn.Linear | Conv1D):
            raise ValueError(
                f"InA adapts linear modules, and the target {current_key!r} is a {type(target).__name__}; "
                "leave it out of `target_modules`"
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
            raise ValueError("Cannot pass `adapter_names` when the model is in training mode.")
        layers = [module for module in self.modules() if isinstance(module, InaLinear | AuxiliaryTrainingWrapper)]
        known = {"__base__"}.union(*(layer.ina_A for layer in layers if isinstance(layer, InaLinear)))
        if unknown := sorted(set(names) - known):
            raise ValueError(f"Trying to infer with non-existing adapter(s): {', '.join(unknown)}")
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


def _with_adapter_names(names: list[str], module: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict]:
    return args, kwargs | {"adapter_names": names}
