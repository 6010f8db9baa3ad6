"""Fingerprints: hashes that tell whether two runs have the same settings, and whether files are the same.

A run is skipped if a record with its fingerprint exists. The fingerprint is over a flat list of settings, so it does
not depend on how `configs/` is laid out.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from .data import schema

# Names, places and speed, which do not change the numbers; data source and dtype are added below as resolved.
_NO_EFFECT = {
    "model.name",
    "model.label",
    "model.path",  # model.revision identifies the files
    "task.label",
    "method.name",
    "method.label",
    "data.source",
    "data.dir",
    "train.dtype",
    "train.threads",
    "train.eval_batch_size",
    "train.device_batch_size",
}
_REPLACED_BY_PATH = {"model.package", "model.hub", "model.sha256", "model.tiny"}
# If the threshold is one maximum over the batch, these two change the numbers. For the precursor's gate they always
# count; for InA with threshold "tensor" they count only if they differ from these defaults.
_BATCHES = {"train.eval_batch_size": 128, "train.device_batch_size": None}
WITHOUT_PEFT = ("full", "head", "gate")  # kinds of methods that do not use PEFT; they read segment ids
_ZERO_IS_NOT_NULL = {"train.head_dropout", "method.scale"}


def fingerprint_settings(
    config: dict[str, Any], source: str = "", data_fingerprint: str = "", dtype: str = "", start: str | None = None
) -> dict[str, Any]:
    """Every setting that can change the numbers of a run, flat: ``section.key -> value``.

    Settings that are off (None, False, or 0 unless in `_ZERO_IS_NOT_NULL`) are left out, so a switch that is added
    later does not change old fingerprints.

    Args:
        config: A run's settings as plain data, ``RunConfig.model_dump()`` or a record's `config`.
        source: The data source in use, which `data.source=auto` leaves open; "" to compare settings alone.
        data_fingerprint: Hash of the examples; "" as above.
        dtype: The number format in use, which `train.dtype=auto` leaves open; "" as above.
        start: Fingerprint of the run that this one starts from, if `train.start` is set.
    """
    flat = {
        f"{section}.{key}": value
        for section in ("model", "task", "method", "data", "train")
        for key, value in config[section].items()
    }
    if flat.get("model.path"):
        flat = {key: value for key, value in flat.items() if key not in _REPLACED_BY_PATH}
    if source != "probe":  # outside the probe, the data fingerprint covers them
        flat.pop("data.distractors", None)
        flat.pop("data.test_distractors", None)
    else:
        flat["data.distractors"] = schema.distractor_count(source, flat["data.distractors"])
    if config["task"]["family"] != "squad" or config["method"]["kind"] in WITHOUT_PEFT:
        flat.pop("train.adapter_segment_ids", None)
    without = _NO_EFFECT
    if config["method"]["kind"] == "gate":
        without = _NO_EFFECT - _BATCHES.keys()
    elif config["method"].get("threshold") == "tensor":
        without = _NO_EFFECT - {key for key, default in _BATCHES.items() if flat.get(key) != default}
    settings = {
        key: value
        for key, value in flat.items()
        if key not in without and value is not None and (value != 0 or key in _ZERO_IS_NOT_NULL)
    }
    return settings | {
        "seed": config["seed"],
        "data.source": source,
        "data.fingerprint": data_fingerprint,
        "train.dtype": dtype,
        **({"start.fingerprint": start} if start else {}),
    }


def fingerprint(settings: dict[str, Any]) -> str:
    """SHA-256 over the settings that `fingerprint_settings` gives."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def folder_sha256(folder: Path) -> str:
    """SHA-256 over names and contents of the files in a folder; hidden files and subfolders are ignored."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return hashlib.sha256("".join(f"{path.name}\0{file_sha256(path)}\n" for path in files).encode()).hexdigest()


def file_sha256(file: Path) -> str:
    """SHA-256 of a file, cached until the file changes."""
    state = file.stat()
    return _file_sha256(file, state.st_size, state.st_mtime_ns)


@lru_cache
def _file_sha256(file: Path, size: int, changed: int) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
