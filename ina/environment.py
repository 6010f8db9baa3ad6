"""What a run needs of the machine beside data and model, checked before anything is started."""

from __future__ import annotations

import shutil

from omegaconf import DictConfig

from .config import WandbConfig
from .record import first_process


def check_launcher(launcher: DictConfig) -> None:
    """Raises ValueError where `hydra/launcher=slurm` finds no Slurm on this machine."""
    if not str(launcher.get("_target_")).endswith(".SlurmLauncher"):
        return
    if lacking := [command for command in ("srun", "sbatch") if shutil.which(command) is None]:
        raise ValueError(
            f"hydra/launcher=slurm: there is no {' and no '.join(lacking)} on this machine; start the sweep on a login "
            "node of the cluster, or take hydra/launcher=local (one process a core)"
        )


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
