"""Display names of models, tasks and methods. A record keeps its labels if a config changes later."""

from __future__ import annotations

from typing import Any

from .compose import options
from .config import default_settings

METHOD_LABELS = {  # in the order of the tables
    "full": "Full fine-tuning",
    "head": "Head alone",
    "gate": "giBERT, full-rank gate",
    "lora": "LoRA",
    "lora_released": "LoRA, released code",
    "ina": "InA",
    "ina_released": "InA, released code",
}
_SETTINGS = {"activation": "{}", "threshold": "threshold per {}", "detach_threshold": "threshold detached"}


def labels(config: dict[str, Any]) -> dict[str, str]:
    """The labels of a run, by "model", "task" and "method", from its resolved config."""
    return {
        "model": config["model"]["label"],
        "task": config["task"]["label"],
        "method": method_label(config["method"]),
    }


def method_label(settings: dict[str, Any]) -> str:
    """The label of a method: its name, its inhibition, and the settings that differ from its file in configs/method.

    A variant, such as ina_p0, is compared with the file of its kind.

    >>> method_label({"kind": "ina", "name": "ina", "inhibition": 0.1, "activation": "relu"})
    'InA (Inh 0.1, relu)'
    """
    own_labels = (METHOD_LABELS.get(settings[key]) for key in ("name", "kind"))
    name = next(filter(None, (settings.get("label"), *own_labels, settings["name"])))
    if settings["kind"] == "full":
        return name
    known = set(options("method"))
    own = settings["name"] in METHOD_LABELS or settings["kind"] not in known  # else a variant of the file of its kind
    file = settings["name"] if own else settings["kind"]
    defaults = default_settings(file) if file in known else {}
    shown = settings.keys() - {"label", "name", "inhibition"}
    changed = {key: value for key, value in settings.items() if key in shown and value != defaults.get(key, value)}
    arguments, default_arguments = changed.pop("arguments", {}), defaults.get("arguments", {})
    changed |= {key: value for key, value in arguments.items() if value != default_arguments.get(key)}
    details = [f"Inh {settings['inhibition']:g}"] if "inhibition" in settings else []
    details += [_SETTINGS.get(key, f"{key} {{}}").format(value_label(value)) for key, value in changed.items()]
    return f"{name} ({', '.join(details)})" if details else name


def value_label(value: Any) -> str:
    """A setting's value as text."""
    if isinstance(value, list | tuple):
        return "+".join(map(str, value))
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
