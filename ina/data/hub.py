"""The hub's copies at pinned revisions: over the network, from its cache, or from a local folder of the same layout.

    <INA_HUB_DIR>/nyu-mll/glue/cola/train-00000-of-00001.parquet

`datasets.load_dataset(repository, revision=...)` is not enough: offline it takes the newest copy in its cache,
whichever revision that is. So each file is fetched at its revision first, and offline runs load the very files that
online runs do.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from huggingface_hub import constants, get_session, hf_hub_download, hf_hub_url, try_to_load_from_cache

from ina.data import schema

if TYPE_CHECKING:
    from datasets import DatasetDict

    from ina.config import DataConfig

REVISIONS = {
    "nyu-mll/glue": "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
    "rajpurkar/squad": "7b6d24c440a36b6815f21b70d25016731768db1f",
    "rajpurkar/squad_v2": "3ffb306f725f7d2ce8394bc1873b24868140c412",
    "allenai/swag": "dc48148372b3853a9c7bae7bb06c161b46d8364a",
}

PATIENCE = 2.0
"""Seconds that the hub has to answer, once per process."""


def available(task_name: str, data: DataConfig) -> bool:
    """Whether the task is in INA_HUB_DIR if that is set, else in the cache or on a hub that answers."""
    local = _local_files(task_name)
    return all(local.values()) or (_folder() is None and reachable())


def looked_for(task_name: str, data: DataConfig) -> str:
    """What would have made the task available."""
    if (folder := _folder()) is not None:
        return f"looked for {', '.join(_remote_files(task_name).values())} in {folder / repository(task_name)}"
    why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else f"the hub gave no answer within {PATIENCE:.0f} s"
    revision = REVISIONS[repository(task_name)]
    return f"{repository(task_name)} at {revision} is not in the cache {constants.HF_HUB_CACHE} and {why}"


def load(task_name: str, data: DataConfig) -> DatasetDict:
    """All labelled rows of a task. Raises FileNotFoundError where `available` is false, else what the hub raises."""
    from datasets import load_dataset

    if not available(task_name, data):
        raise FileNotFoundError(f"no {task_name} on the hub: {looked_for(task_name, data)}")
    name = repository(task_name)
    paths = _local_files(task_name)
    for split, file in _remote_files(task_name).items():
        if paths[split] is None:
            paths[split] = hf_hub_download(name, file, repo_type="dataset", revision=REVISIONS[name])
    expected = schema.features(task_name)
    if task_name != "swag":
        return load_dataset("parquet", data_files=paths, features=expected)
    splits = load_dataset("parquet", data_files=paths)  # it has columns that nobody needs, and no `idx`
    for split, rows in splits.items():
        splits[split] = rows.add_column("idx", range(len(rows))).select_columns(list(expected)).cast(expected)
    return splits


def repository(task_name: str) -> str:
    """The task's repository on the hub."""
    others = {"squad_v1": "rajpurkar/squad", "squad_v2": "rajpurkar/squad_v2", "swag": "allenai/swag"}
    return others.get(task_name, "nyu-mll/glue")


def _remote_files(task_name: str) -> dict[str, str]:
    """Path in the repository of each split."""
    config = {"squad_v1": "plain_text", "swag": "regular"}.get(task_name, task_name)
    return {split: f"{config}/{split}-00000-of-00001.parquet" for split in schema.split_names(task_name)}


def _local_files(task_name: str) -> dict[str, str | None]:
    """Path on this machine of each split, None where it would have to be fetched."""
    name = repository(task_name)
    if (folder := _folder()) is not None:
        paths = {split: folder / name / file for split, file in _remote_files(task_name).items()}
        return {split: str(path) if path.is_file() else None for split, path in paths.items()}
    cached = {
        split: try_to_load_from_cache(
            name, file, revision=REVISIONS[name], repo_type="dataset", cache_dir=constants.HF_HUB_CACHE
        )
        for split, file in _remote_files(task_name).items()
    }
    return {split: path if isinstance(path, str) else None for split, path in cached.items()}


def _folder() -> Path | None:
    value = os.environ.get("INA_HUB_DIR")
    if not value:
        return None
    folder = Path(os.path.expanduser(value))
    if not folder.is_dir():
        raise FileNotFoundError(f"INA_HUB_DIR is {value!r}, which is no folder; name the one that holds nyu-mll/glue")
    return folder


@cache
def reachable() -> bool:
    """Whether the hub answers within PATIENCE seconds; the answer holds for the life of the process."""
    if constants.HF_HUB_OFFLINE:
        return False
    name, revision = next(iter(REVISIONS.items()))
    url = hf_hub_url(name, "README.md", repo_type="dataset", revision=revision)
    answers = []

    def ask() -> None:
        try:
            response = get_session().head(url, timeout=PATIENCE, follow_redirects=True)
        except Exception:  # whatever the transport raises: no answer
            return
        answers.append(response.is_success)

    # A thread because resolving the host name has a time-out of its own, which no client option shortens.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return answers == [True]
