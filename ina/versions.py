"""The versions behind a run's numbers: the commit of the code and whether it was changed, and the packages."""

from __future__ import annotations

import hashlib
import importlib.metadata
import subprocess
from functools import cache
from pathlib import Path

from .compose import CONFIG_DIR

PACKAGES = ("torch", "transformers", "peft", "datasets", "accelerate", "scikit-learn", "scipy", "numpy")


@cache
def loaded() -> tuple[str | None, bool | None, str]:
    """Commit, uncommitted changes and hash of the code that this process runs."""
    return *git_state(CONFIG_DIR.parent), code_sha256(Path(__file__).parent)


def code() -> tuple[str | None, bool | None]:
    """The commit of the code that this process runs, and whether code or configs differed from it at import or now."""
    commit, then, _ = loaded()
    _, now = git_state(CONFIG_DIR.parent, commit)
    return commit, None if None in (then, now) else then or now


def git_state(folder: Path, loaded: str | None = None) -> tuple[str | None, bool | None]:
    """The commit of the code in `folder` and whether code or configs differ from it; None where git cannot tell.

    Args:
        folder: The repository.
        loaded: The commit to compare with, from when a process loaded the code; None: the latest.
    """
    commit = loaded or _git(folder, "rev-parse", "HEAD")
    questions = (["status", "--porcelain"], ["diff", "--name-only", commit or "HEAD"])
    changes = [_git(folder, *question, "--", "ina", "configs") for question in questions]
    return commit, None if None in changes else any(changes)


def code_sha256(folder: Path) -> str:
    """SHA-256 over the names and texts of all Python files in a folder."""
    files = (f"{path.relative_to(folder)}\0{path.read_text('utf-8')}\0" for path in sorted(folder.rglob("*.py")))
    return hashlib.sha256("".join(files).encode()).hexdigest()


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout.strip()


def packages() -> dict[str, str]:
    """The versions of the packages that can change the numbers."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}
