"""What the machine lacks is told in a sentence before anything is started."""

import pytest
import wandb
from omegaconf import OmegaConf
from tiny_runs import overrides

from ina import environment


@pytest.fixture
def nobody(monkeypatch):
    """Nobody is logged in at Weights & Biases."""

    def refuse(**_):
        raise wandb.errors.UsageError("No API key configured.")

    monkeypatch.setattr(wandb, "login", refuse)


NO_LOGIN = "wandb.mode=online: nobody is logged in; run `wandb login` or set WANDB_API_KEY, or take wandb.mode=offline"


def test_a_run_without_a_login_at_wandb_is_not_started(nobody, glue, tmp_path, cli):
    code, _, err = cli(*overrides(glue, tmp_path / "out", "wandb.mode=online"))
    assert (code, err.strip()) == (1, f"error: {NO_LOGIN}")
    assert not (tmp_path / "out").exists()


def test_a_sweep_without_a_login_at_wandb_is_not_started(nobody, glue, tmp_path, cli):
    code, _, err = cli("-m", *overrides(glue, tmp_path / "out", "wandb.mode=online", "seed=1,2"))
    assert (code, err.strip()) == (1, f"nothing was started:\n{NO_LOGIN}")


def test_a_sweep_on_slurm_is_not_started_where_there_is_none(glue, tmp_path, cli, monkeypatch):
    monkeypatch.setattr(environment.shutil, "which", lambda command: None)
    code, _, err = cli("-m", *overrides(glue, tmp_path / "out", "hydra/launcher=slurm", "seed=1,2"))
    message = "hydra/launcher=slurm: there is no srun and no sbatch on this machine; start the sweep on a"
    assert code == 1 and message in err


def test_slurm_is_asked_of_its_own_launcher_alone(monkeypatch):
    slurm, local = (
        OmegaConf.create({"_target_": f"hydra_plugins.hydra_submitit_launcher.submitit_launcher.{name}Launcher"})
        for name in ("Slurm", "Local")
    )
    monkeypatch.setattr(environment.shutil, "which", lambda command: command)
    environment.check_launcher(slurm)
    monkeypatch.setattr(environment.shutil, "which", lambda command: None)
    environment.check_launcher(local)
    with pytest.raises(ValueError, match="no srun and no sbatch"):
        environment.check_launcher(slurm)
