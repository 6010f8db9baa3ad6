"""What a run needs from the machine besides data and model: a login at Weights & Biases, TF32, a number format."""

from __future__ import annotations

from .config import TrainConfig, WandbConfig
from .record import first_process


def log_in(settings: WandbConfig) -> None:
    """Log in to Weights & Biases. Raises ValueError if `wandb.mode=online` has no login."""
    if settings.mode != "online" or not first_process():
        return
    import wandb

    try:
        wandb.login(verify=False)
    except wandb.errors.Error:
        raise ValueError(
            "wandb.mode=online: nobody is logged in; run `wandb login` or set WANDB_API_KEY, or use wandb.mode=offline"
        ) from None


def check_device(settings: TrainConfig) -> None:
    """Raises ValueError for a setting that this machine does not support."""
    if not settings.tf32:
        return
    from transformers.utils import is_torch_tf32_available

    if not is_torch_tf32_available():
        raise ValueError("train.tf32=true needs a GPU that has TF32 (NVIDIA Ampere or later); leave it out here")


def resolve_dtype(name: str) -> str:
    """The dtype that `train.dtype` means on this machine: "auto" is bfloat16 on a GPU that supports it, else float32.

    On CPUs float32 was fast enough in all our tests, and bfloat16 has not been shown to score the same.
    """
    if name != "auto":
        return name
    import torch

    has = torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bfloat16" if has else "float32"
