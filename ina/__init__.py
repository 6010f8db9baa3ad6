"""InA, inhibition adaptation: reference implementation and replication study.

``import ina`` registers InA with PEFT. Commands such as ``python -m ina.status`` import torch and PEFT only when they
need them, because that takes seconds.
"""

import logging
import sys
from typing import Any

__version__ = "0.1.0"
__all__ = ["InaConfig", "InaModel", "__version__"]


def __getattr__(name: str) -> Any:
    if name in ("InaConfig", "InaModel"):
        from . import adapter

        return getattr(adapter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# PEFT imports bitsandbytes, which warns of a missing kernel on some processors.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


def _is_command() -> bool:
    """Whether Python is about to run a module of this package, as in ``python -m ina.status``."""
    arguments = sys.orig_argv
    run = arguments[arguments.index("-m") + 1 :][:1] if "-m" in arguments else []
    return sys.argv[0] == "-m" and bool(run) and run[0].partition(".")[0] == __name__


if not _is_command():
    from .adapter import InaConfig, InaModel  # noqa: E402
