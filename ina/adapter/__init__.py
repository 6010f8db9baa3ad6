"""Inhibition adaptation (InA) as a PEFT tuner.

    >>> from ina import InaConfig
    >>> model = peft.get_peft_model(model, InaConfig(r=8, inhibition=0.3, task_type="SEQ_CLS"))

Importing this package registers the type "INA" with PEFT. Without it, PEFT raises KeyError: 'INA' on an InA adapter, so
the adapter never runs as another method.
"""

import peft

# The lower bound of pyproject.toml: older versions save the weights of all adapters in every adapter's folder.
if tuple(map(int, peft.__version__.split(".")[:2])) < (0, 20):
    raise ImportError(f"InA needs peft 0.20 or newer, and peft {peft.__version__} is installed: pip install -U peft")

from peft import PeftType  # noqa: E402
from peft.utils import register_peft_method  # noqa: E402

if "INA" not in PeftType.__members__:  # `register_peft_method` accepts only members of this enum
    member = str.__new__(PeftType, "INA")
    member._name_ = member._value_ = "INA"
    PeftType._member_names_.append("INA")
    PeftType._member_map_["INA"] = PeftType._value2member_map_["INA"] = member
    type.__setattr__(PeftType, "INA", member)

from .config import InaConfig  # noqa: E402 - needs the new member
from .files import load  # noqa: E402
from .layer import InaLinear  # noqa: E402
from .model import InaModel  # noqa: E402

__all__ = ["InaConfig", "InaLinear", "InaModel", "load"]

register_peft_method(name="ina", config_cls=InaConfig, model_cls=InaModel)
