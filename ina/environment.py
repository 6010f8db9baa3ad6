"""What a run needs of the machine beside data and model, checked before anything is started."""

from __future__ import annotations

from .config import TrainConfig, WandbConfig
from .record import first_process


def log_in(settings: WandbConfig) -> None:
    """Raises ValueError where `wandb.mode=online` finds no login."""
    if settings.mode != "online" or not first_process():
        return
    import wandb

    try:
        wandb.login(verify=False)
    except wandb.errors.Error:
        raise ValueError(
            "wandb.mode=online: nobody is logged in; run `wandb login` or set WANDB_API_KEY, or take wandb.mode=offline"
        ) from None


def check_device(settings: TrainConfig) -> None:
    """Raises ValueError for a setting that this machine cannot follow."""
    if not settings.tf32:
        return
    from transformers.utils import is_torch_tf32_available

    if not is_torch_tf32_available():
        raise ValueError("train.tf32=true needs a GPU that has TF32 (NVIDIA Ampere or later); here leave it out")


def resolve_dtype(name: str, fast: bool) -> str:
    """The number format that `train.dtype` stands for on this machine: bfloat16 only where it is native, or faster.

    On a CPU only with `train.fast`: it has not been shown to learn there what float32 does (experiments parity_plain
    and parity_fast).
    """
    if name != "auto":
        return name
    import torch

    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    return "bfloat16" if (measured_speedup(name, fast) or 0) > 1.2 else "float32"  # 1.2: noise must not decide


def measured_speedup(name: str, fast: bool) -> float | None:
    """:func:`ina.speed.bfloat16_speedup` where it decides what `train.dtype` stands for, else None."""
    if name != "auto" or not fast:
        return None
    import torch

    from . import speed

    return None if torch.cuda.is_available() else speed.bfloat16_speedup()
