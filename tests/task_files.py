"""The tasks of configs/task and settings of data, for tests that need no whole run."""

from functools import cache

import yaml
from pydantic import TypeAdapter

from ina.compose import CONFIG_DIR
from ina.config import DataConfig, Task


@cache
def task(name) -> Task:
    """The task of a file in configs/task."""
    settings = yaml.safe_load((CONFIG_DIR / "task" / f"{name}.yaml").read_text(encoding="utf-8"))
    return TypeAdapter(Task).validate_python(settings)


def data_config(source="auto", folder=None, **given) -> DataConfig:
    usual = {"source": source, "dir": folder and str(folder), "max_train": None}
    return DataConfig(**usual | given)
