"""InA, inhibition adaptation: reference implementation and replication study."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["InaConfig", "InaModel", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the adapter when it is asked for: it needs torch and PEFT, which take seconds; `ina.status` does not."""
    if name in ("InaConfig", "InaModel"):
        from . import adapter

        return getattr(adapter, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
