"""The PEFT tuner: which modules of a model become InA projections."""

from __future__ import annotations

from typing import Any

from peft import PeftConfig
from peft.tuners.tuners_utils import BaseTuner
from torch import nn

from .config import InaConfig
from .layer import CANNOT_MERGE, InaLinear
from .sites import PROJECTIONS, fuse_split_projections, split_fused_projections, target_modules


class InaModel(BaseTuner):
    """Adds InA to the query and key projections of a pre-trained transformer.

    Use it through PEFT: ``peft.get_peft_model(model, InaConfig())``. Saving, loading, several adapters, switching and
    disabling them work as with any PEFT method; merging is refused, since the update depends on the input.

    In a DeBERTa v1 the fused query-key-value projection is split into its three parts, so that the value stays
    untouched; `unload` fuses it again.
    """

    prefix: str = "ina_"
    tuner_layer_cls = InaLinear
    target_module_mapping = {family: target_modules(family) for family in PROJECTIONS}

    def _prepare_adapter_config(self, peft_config: PeftConfig, model_config: dict[str, Any]) -> PeftConfig:
        if peft_config.target_modules is None:
            peft_config.target_modules = set(target_modules(model_config["model_type"]))
        return peft_config

    def _prepare_model(self, peft_config: PeftConfig, model: nn.Module) -> None:
        targets = peft_config.target_modules
        if any("in_proj." in target for target in ([targets] if isinstance(targets, str) else targets)):
            split_fused_projections(model)

    def _create_and_replace(
        self,
        peft_config: InaConfig,
        adapter_name: str,
        target: nn.Module,
        target_name: str,
        parent: nn.Module,
        current_key: str,
        parameter_name: str | None = None,
    ) -> None:
        if isinstance(target, InaLinear):
            target.update_layer(adapter_name, peft_config)
            return
        if not isinstance(target, nn.Linear):
            raise ValueError(
                f"InA adapts torch.nn.Linear modules, and the target {current_key!r} is a {type(target).__name__}; "
                "leave it out of `target_modules`"
            )
        layer = InaLinear(target, adapter_name, peft_config)
        if adapter_name not in self.active_adapters:
            layer.requires_grad_(False)
        self._replace_module(parent, target_name, layer, target)

    def _replace_module(self, parent: nn.Module, child_name: str, new_module: nn.Module, child: nn.Module) -> None:
        # PEFT's own moves weights about by name and fails on heads without a `weight`, RoBERTa's for one; an InA layer
        # has put its parameters on the right device already.
        setattr(parent, child_name, new_module)

    def _check_merge_allowed(self) -> None:
        raise NotImplementedError(CANNOT_MERGE)

    def _unload_and_optionally_merge(self, merge: bool = True, **kwargs: Any) -> nn.Module:
        return fuse_split_projections(super()._unload_and_optionally_merge(merge=merge, **kwargs))
