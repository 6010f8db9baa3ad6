"""The Hydra sweeper of `ina.run`. Hydra imports this file in every Hydra program, so it imports little."""

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class InaSweeperConf:
    """`hydra.sweeper`: the grid of an experiment. `params` maps each setting to its values, separated by commas."""

    _target_: str = "hydra_plugins.ina_sweeper.ina_sweeper.InaSweeper"
    params: dict[str, Any] = field(default_factory=dict)


ConfigStore.instance().store(group="hydra/sweeper", name="ina", node=InaSweeperConf, provider="ina")


class InaSweeper(Sweeper):
    """Does the runs of a grid that are not recorded yet, with Hydra's launcher, and reports progress.

    Every sweep has its own `hydra.sweep.dir`, which its runs read and write.
    """

    def __init__(self, params: DictConfig) -> None:
        """`params` are not kept: `ina.plan` reads them from the config, as other programs do."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Called by Hydra before `sweep`."""
        self.config = config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Sweep, and end the process with exit code 0, 1 if a run failed or is not done, or 130 after Ctrl-C.

        Args:
            arguments: The command line.
        """
        from ._sweep import Sweep

        Sweep(arguments, self.config, self.launcher).run()
