"""Checkpoints that no kill can spoil: a seal with the digests of all files is written last, and only sealed ones count.

The folder of a run holds `checkpoint-<step>/` and `epochs/`, the outcomes of the epochs before it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from pathlib import Path

from .record import write_atomically

logger = logging.getLogger(__name__)

SEAL = "seal.json"


def seal(checkpoint: Path) -> None:
    """Declare a checkpoint and the outcomes so far whole, and remove the checkpoints before it."""
    folder = checkpoint.parent
    files = [path for part in (checkpoint, folder / "epochs") for path in part.rglob("*") if path.is_file()]
    digests = {str(path.relative_to(folder)): _digest(path) for path in files if path.name != SEAL}
    write_atomically(checkpoint / SEAL, lambda file: file.write_text(json.dumps(digests)))
    for older in _checkpoints(folder):
        if older != checkpoint:
            shutil.rmtree(older)


def newest(folder: Path) -> Path | None:
    """The newest whole checkpoint in the folder of a run, None if the run has to start at its beginning.

    What was made after it, a damaged or half-written checkpoint included, is removed.
    """
    found, sealed = None, {}
    for checkpoint in reversed(_checkpoints(folder)):
        problem, digests = _problem(checkpoint)
        if problem is None:
            found, sealed = checkpoint, digests
            break
        logger.warning("%s is not used: %s; going back to what was before it", checkpoint, problem)
        shutil.rmtree(checkpoint)
    for outcome in folder.glob("epochs/*"):
        if f"epochs/{outcome.name}" not in sealed:
            outcome.unlink()
    return found


def _checkpoints(folder: Path) -> list[Path]:
    # by step: the times of the files are wrong where a clock was set back
    return sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))


def _problem(checkpoint: Path) -> tuple[str | None, dict[str, str]]:
    path = checkpoint / SEAL
    if not path.is_file():
        return "the run was killed while it was written", {}
    try:
        digests = json.loads(path.read_text())
    except ValueError:
        return f"{SEAL} is damaged", {}
    for name, digest in digests.items():
        file = checkpoint.parent / name
        if not file.is_file() or _digest(file) != digest:
            return f"{name} is missing or damaged", {}
    return None, digests


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
