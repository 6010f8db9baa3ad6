"""Inhibition adaptation (InA) as a PEFT tuner.

    >>> from ina import InaConfig
    >>> model = peft.get_peft_model(model, InaConfig(r=8, inhibition=0.3, task_type="SEQ_CLS"))

Importing this package makes PEFT know the type "INA". A PEFT without it answers an InA adapter file with
KeyError: 'INA' instead of running it as something else.
"""

import peft

# As in pyproject.toml; an older PEFT saves the weights of all adapters into the folder of each.
if tuple(map(int, peft.__version__.split(".")[:2])) < (0, 20):
    raise ImportError(f"InA needs peft 0.20 or newer, and peft {peft.__version__} is installed: pip install -U peft")

from peft import PeftType  # noqa: E402
from peft.utils import register_peft_method  # noqa: E402

if "INA" not in PeftType.__members__:  # `register_peft_method` takes only members of this closed enumeration
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
