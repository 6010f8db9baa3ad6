"""The adapted linear projection."""

from __future__ import annotations

import math
from typing import Any

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from .config import InaConfig
from .gate import InhibitionGate
from .sites import Fused

CANNOT_MERGE = (
    "InA cannot be merged into the base weight: its update s * f(H W_down - Th) W_up depends on the input H through "
    "the gate f and the threshold Th, so no single weight matrix reproduces it. Keep the adapter attached "
    "(`save_pretrained` / `PeftModel.from_pretrained`), or remove it with `unload()`, which keeps a trained head."
)


class UpProjection(nn.Linear):
    """W_up. Only `forward` uses the weight, because the hooks of offloading and FSDP load it only there."""

    def forward(self, h: Tensor, gated: Tensor, scale: float, rows: slice) -> Tensor:
        """Compute ``H_o + s * f(Z - Th) W_up`` in one operation, without a temporary tensor of H_o's size.

        Args:
            h: (tokens, k).
            gated: (tokens, r).
            scale: s.
            rows: The rows of the weight to use: all, or those of one part of a fused projection.
        """
        dtype = torch.promote_types(h.dtype, gated.dtype)
        return torch.addmm(h.to(dtype), gated.to(dtype), self.weight[rows].to(dtype).t(), alpha=scale)


class InaLinear(nn.Module, BaseTunerLayer):
    r"""A frozen linear projection plus an inhibited low-rank path (Kang et al. 2024, section 3):

    .. math::
        Z = H W_{down}, \qquad Th = Inh_p \cdot \max_{rank}(Z), \qquad H_o \leftarrow H_o + s \cdot f(Z - Th)\, W_{up}

    Shapes: H (..., M, d), W_down (d, r) in ``ina_A``, Z (..., M, r), Th (..., M, 1), W_up (r, k) in ``ina_B``,
    H_o (..., M, k). The updates of several active adapters add up, as in LoRA. Initialisation draws random numbers in
    the same order as PEFT's LoRA, so the same seed gives both the same W_down.

    A fused query-key-value projection stays one module. Each adapted part has its own low-rank path, of rank r and
    output width k_part. The weight of ``ina_A`` stacks the W_down of these paths, (parts * r, d); the weight of
    ``ina_B`` stacks their W_up, (sum of k_part, r). The features of other parts do not change.
    """

    adapter_layer_names = ("ina_A", "ina_B")
    other_param_names = ("r", "scaling", "parts", "ina_dropout", "ina_gate")

    def __init__(
        self,
        base_layer: nn.Linear | Conv1D,
        adapter_name: str,
        config: InaConfig,
        module_name: str = "",
        fused: Fused | None = None,
        parts: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.in_features, self.out_features = features(base_layer)
        self.fused = fused
        self.r: dict[str, int] = {}
        self.scaling: dict[str, float] = {}
        self.parts: dict[str, tuple[str, ...]] = {}
        self.ina_dropout = nn.ModuleDict()
        self.ina_A = nn.ModuleDict()
        self.ina_gate = nn.ModuleDict()
        self.ina_B = nn.ModuleDict()
        self.merged_adapters: list[str] = []
        self.cast_input_dtype_enabled = True  # for peft.helpers.disable_input_dtype_casting
        self._active_adapter = adapter_name
        self.update_layer(adapter_name, config, module_name, parts)

    def update_layer(
        self, adapter_name: str, config: InaConfig, module_name: str = "", parts: tuple[str, ...] = ()
    ) -> None:
        """Add an adapter to this layer.

        Args:
            adapter_name: The adapter's name.
            config: The adapter's settings.
            module_name: The layer's full name in the model, which `rank_pattern` and `alpha_pattern` match.
            parts: The parts of a fused projection to adapt; empty: the projection as a whole.
        """
        r, self.scaling[adapter_name] = config.of_module(module_name)
        self.r[adapter_name] = r
        self.parts[adapter_name] = parts
        self.ina_dropout[adapter_name] = nn.Dropout(config.dropout) if config.dropout > 0 else nn.Identity()
        self.ina_gate[adapter_name] = InhibitionGate(
            config.inhibition, config.activation, config.threshold, config.detach_threshold
        )
        self.ina_A[adapter_name] = nn.Linear(self.in_features, max(len(parts), 1) * r, bias=False)
        width = sum(self._widths(parts)) if parts else self.out_features
        self.ina_B[adapter_name] = UpProjection(r, width, bias=False)
        if config.init_weights:
            nn.init.kaiming_uniform_(self.ina_A[adapter_name].weight, a=math.sqrt(5))
            nn.init.zeros_(self.ina_B[adapter_name].weight)
        self._move_adapter_to_device_of_base_layer(adapter_name)
        self.set_adapter(self.active_adapters, inference_mode=config.inference_mode)

    def forward(self, x: Tensor, *args: Any, adapter_names: list[str] | None = None, **kwargs: Any) -> Tensor:
        """Project `x` of shape (..., d) to (..., k).

        Args:
            x: The input.
            adapter_names: One adapter per example, instead of the active ones; "__base__" for none.
            args: Further arguments of the base layer.
            kwargs: Further arguments of the base layer.

        Raises:
            ValueError: The length of `adapter_names` is not the number of examples.
        """
        result = self.base_layer(x, *args, **kwargs)
        if self.disable_adapters:
            return result
        result_dtype = result.dtype
        if adapter_names is None:
            for name in self.active_adapters:
                if name in self.ina_A:
                    result = self._adapted(result, x, name)
            return result.to(result_dtype)
        if len(adapter_names) != len(x):
            raise ValueError(
                "Length of `adapter_names` should be the same as the number of inputs, but got "
                f"{len(adapter_names)} and {len(x)} respectively."
            )
        for name in self.ina_A.keys() & set(adapter_names):
            examples = [index for index, its_name in enumerate(adapter_names) if its_name == name]
            result[examples] = self._adapted(result[examples], x[examples], name).to(result_dtype)
        return result

    def _adapted(self, result: Tensor, x: Tensor, name: str) -> Tensor:
        """Add the update of adapter `name` to `result` (..., k), the projection of `x` (..., d)."""
        x = self._cast_input_dtype(x, self.ina_A[name].weight.dtype)
        z = self.ina_A[name](self.ina_dropout[name](x))
        parts = self.parts[name]
        if not parts:
            return self._add(result, z, name, slice(0, self.out_features))
        grouped = result.unflatten(-1, (self.fused.groups, -1))
        pieces = dict(zip(self.fused.widths, grouped.split(list(self.fused.widths.values()), dim=-1), strict=True))
        end = 0
        for part, its_z, width in zip(parts, z.chunk(len(parts), dim=-1), self._widths(parts), strict=True):
            start, end = end, end + width
            pieces[part] = self._add(pieces[part], its_z, name, slice(start, end))
        return torch.cat(list(pieces.values()), dim=-1).flatten(-2)

    def _add(self, h: Tensor, z: Tensor, name: str, rows: slice) -> Tensor:
        """``H_o + s * f(Z - Th) W_up`` with only `rows` of the weight, in the shape of `h`."""
        gated = self.ina_gate[name](z).reshape(-1, self.r[name])
        flat = h.reshape(-1, rows.stop - rows.start)
        return self.ina_B[name](flat, gated, self.scaling[name], rows).view(h.shape)

    def _widths(self, parts: tuple[str, ...]) -> list[int]:
        return [self.fused.groups * self.fused.widths[part] for part in parts]

    def merge(self, safe_merge: bool = False, adapter_names: list[str] | None = None) -> None:
        """Not supported.

        Raises:
            NotImplementedError: Always; the update depends on the input.
        """
        raise NotImplementedError(CANNOT_MERGE)

    def unmerge(self) -> None:
        """Do nothing: an InA adapter is never merged."""

    def __repr__(self) -> str:
        return "ina." + super().__repr__()


def features(layer: nn.Linear | Conv1D) -> tuple[int, int]:
    """Input and output width of a linear layer; GPT-2's `Conv1D` stores its weight as (d, k)."""
    return (layer.nx, layer.nf) if isinstance(layer, Conv1D) else (layer.in_features, layer.out_features)
