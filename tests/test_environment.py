"""What the machine lacks is told in a sentence before anything is started."""

import pytest
import wandb
from tiny_runs import overrides


@pytest.mark.parametrize(("grid", "begins"), [([], "error: "), (["-m", "seed=1,2"], "nothing was started:\n")])
def test_without_a_login_at_wandb_nothing_is_started(grid, begins, glue, tmp_path, cli, monkeypatch):
    def refuse(**_):
        raise wandb.errors.UsageError("No API key configured.")

    monkeypatch.setattr(wandb, "login", refuse)
    code, _, err = cli(*overrides(glue, tmp_path / "out", "wandb.mode=online", *grid))
    assert code == 1 and err.startswith(f"{begins}wandb.mode=online: nobody is logged in; run `wandb login`")
    assert not (tmp_path / "out").exists()
