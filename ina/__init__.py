"""InA, inhibition adaptation: reference implementation and replication study."""

from .adapter import InaConfig, InaModel

__version__ = "0.1.0"
__all__ = ["InaConfig", "InaModel", "__version__"]
