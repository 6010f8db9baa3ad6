"""Hydra's sweeper for `ina.run`, here because Hydra takes plugins from this package alone."""

from __future__ import annotations

from typing import Any

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper


class Planned(Sweeper):
    """Hand the launcher the runs that `ina.report` has planned and that are left to do.

    Hydra's own composes every run of the grid to check it, which `ina.sweep` has done, a tenth of a second each.
    """

    def setup(self, **hydra: Any) -> None:
        """Called by Hydra with its context, the task function and the sweep's configuration."""
        self.launcher = Plugins.instance().instantiate_launcher(**hydra)

    def sweep(self, arguments: list[str]) -> list[Any]:
        """Do what is left; `arguments`, the command line, is what the plan was made from."""
        from ina import report

        left = report.current.left()
        done = self.launcher.launch(left, initial_job_idx=0) if left else []
        for job in done:
            job.return_value  # noqa: B018  raises what the job raised
        return [done]
