"""Data sets from the hub at pinned revisions: over the network or from its cache.

`datasets.load_dataset(repository, revision=...)` is not enough: offline it takes the newest copy in its cache, of any
revision. So each file is fetched at its revision first, and offline runs load the same files as online runs.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from huggingface_hub import constants, get_session, hf_hub_download, hf_hub_url
from huggingface_hub.errors import LocalEntryNotFoundError

from ina.data import schema

if TYPE_CHECKING:
    from datasets import DatasetDict

    from ina.config import DataConfig, Task

REVISIONS = {
    "nyu-mll/glue": "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c",
    "rajpurkar/squad": "7b6d24c440a36b6815f21b70d25016731768db1f",
    "rajpurkar/squad_v2": "3ffb306f725f7d2ce8394bc1873b24868140c412",
    "allenai/swag": "dc48148372b3853a9c7bae7bb06c161b46d8364a",
}
PLACES = {
    "squad_v1": ("rajpurkar/squad", "plain_text"),
    "squad_v2": ("rajpurkar/squad_v2", "squad_v2"),
    "swag": ("allenai/swag", "regular"),
}
"""Repository and folder of a task. GLUE's tasks share one repository, each in a folder named after it."""

TIMEOUT_S = 2.0
"""How many seconds to wait for the hub's answer; it is asked once per process."""


def find(task: Task, data: DataConfig) -> None:
    """Raises FileNotFoundError if the task is not in the cache and the hub does not answer."""
    repository, files = remote_files(task.name)
    try:
        for file in files.values():
            _fetch(repository, file, local_files_only=True)
    except LocalEntryNotFoundError:
        if reachable():
            return
        offline = constants.HF_HUB_OFFLINE
        why = "HF_HUB_OFFLINE is set" if offline else f"the hub gave no answer within {TIMEOUT_S:.0f} s"
        snapshot = f"{repository} at {REVISIONS[repository]}"
        raise FileNotFoundError(f"{snapshot} is not in the cache {constants.HF_HUB_CACHE} and {why}") from None


def load(task: Task, data: DataConfig) -> DatasetDict:
    """All labelled rows of a task, from the cache if it has them. Raises what the hub raises."""
    from datasets import load_dataset

    repository, files = remote_files(task.name)
    splits = load_dataset("parquet", data_files={split: _fetch(repository, file) for split, file in files.items()})
    if task.name == "swag":  # its rows have no `idx`
        for split, rows in splits.items():
            splits[split] = rows.add_column("idx", range(len(rows)))
    return splits


def _fetch(repository: str, file: str, **how: bool) -> str:
    return hf_hub_download(repository, file, repo_type="dataset", revision=REVISIONS[repository], **how)


def remote_files(task_name: str) -> tuple[str, dict[str, str]]:
    """The task's repository on the hub, and the path in it of each split."""
    repository, folder = PLACES.get(task_name, ("nyu-mll/glue", task_name))
    return repository, {split: f"{folder}/{split}-00000-of-00001.parquet" for split in schema.split_names(task_name)}


@cache
def reachable() -> bool:
    """Whether the hub answers within TIMEOUT_S seconds; asked once per process."""
    if constants.HF_HUB_OFFLINE:
        return False
    name, revision = next(iter(REVISIONS.items()))
    url = hf_hub_url(name, "README.md", repo_type="dataset", revision=revision)
    answers = []

    def ask() -> None:
        with suppress(Exception):  # any error of the transport counts as no answer
            answers.append(get_session().head(url, timeout=TIMEOUT_S, follow_redirects=True).is_success)

    # In a thread, because resolving the host name has its own time-out, which no client option shortens.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    return answers == [True]
