"""The adapted linear projection."""

from __future__ import annotations

import math
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from .config import InaConfig
from .gate import InhibitionGate

CANNOT_MERGE = (
    "InA cannot be merged into the base weight: its update s * f(H W_down - Th) W_up depends on the input H through "
    "the gate f and the threshold Th, so no single weight matrix reproduces it. Keep the adapter attached "
    "(`save_pretrained` / `PeftModel.from_pretrained`), or call `unload()` to get the base model back without it."
)


class InaLinear(nn.Module, BaseTunerLayer):
    r"""A frozen linear projection with an inhibited low-rank path beside it (Kang et al. 2024, section 3):

    .. math::
        Z = H W_{down}, \qquad Th = Inh_p \cdot \max_{rank}(Z), \qquad H_o \leftarrow H_o + s \cdot f(Z - Th)\, W_{up}

    Shapes: H (..., M, d), W_down (d, r) in ``ina_A``, Z (..., M, r), Th (..., M, 1), W_up (r, k) in ``ina_B``,
    H_o (..., M, k). Several active adapters add up, as in LoRA. The initialisation draws from the random generator in
    the order of PEFT's LoRA, so both start from the same W_down under the same seed.
    """

    adapter_layer_names = ("ina_A", "ina_B")
    other_param_names = ("r", "scaling", "ina_dropout", "ina_gate")

    def __init__(self, base_layer: nn.Linear, adapter_name: str, config: InaConfig) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.in_features, self.out_features = base_layer.in_features, base_layer.out_features
        self.r: dict[str, int] = {}
        self.scaling: dict[str, float] = {}
        self.ina_dropout = nn.ModuleDict()
        self.ina_A = nn.ModuleDict()
        self.ina_gate = nn.ModuleDict()
        self.ina_B = nn.ModuleDict()
        self.merged_adapters: list[str] = []
        self._active_adapter = adapter_name
        self.update_layer(adapter_name, config)

    def update_layer(self, adapter_name: str, config: InaConfig) -> None:
        """Add the adapter `adapter_name` with the settings of `config`."""
        self.r[adapter_name] = config.r
        self.scaling[adapter_name] = config.scaling
        self.ina_dropout[adapter_name] = nn.Dropout(config.dropout) if config.dropout > 0 else nn.Identity()
        self.ina_gate[adapter_name] = InhibitionGate(
            config.inhibition, config.activation, config.threshold, config.detach_threshold
        )
        self.ina_A[adapter_name] = nn.Linear(self.in_features, config.r, bias=False)
        self.ina_B[adapter_name] = nn.Linear(config.r, self.out_features, bias=False)
        if config.init_weights:
            nn.init.kaiming_uniform_(self.ina_A[adapter_name].weight, a=math.sqrt(5))
            nn.init.zeros_(self.ina_B[adapter_name].weight)
        self._move_adapter_to_device_of_base_layer(adapter_name)
        self.set_adapter(self.active_adapters, inference_mode=config.inference_mode)

    def forward(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Project `x` of shape (..., d) to (..., k)."""
        result = self.base_layer(x, *args, **kwargs)
        if self.disable_adapters:
            return result
        result_dtype = result.dtype
        for name in self.active_adapters:
            if name not in self.ina_A:
                continue
            x = self._cast_input_dtype(x, self.ina_A[name].weight.dtype)
            z = self.ina_A[name](self.ina_dropout[name](x))
            gated = self.ina_gate[name](z).reshape(-1, self.r[name])
            # scaled, projected and added in one product: nothing of H_o's size is made on the way
            rows = result.to(gated.dtype).reshape(-1, self.out_features)
            added = torch.addmm(rows, gated, self.ina_B[name].weight.t(), alpha=self.scaling[name])
            result = added.view(result.shape)
        return result.to(result_dtype)

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Refuse.

        Raises:
            NotImplementedError: Always; the update depends on the input.
        """
        raise NotImplementedError(CANNOT_MERGE)

    def unmerge(self) -> None:
        """Do nothing: an InA adapter is never merged."""

    def __repr__(self) -> str:
        return "ina." + super().__repr__()
