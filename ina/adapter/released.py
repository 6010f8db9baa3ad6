"""The authors' published adapter folders (ChengKang520/inhibited-lora, output_final).

Their `adapter_config.json` has peft_type LORA and an extra key `lora_inhibition`. PEFT ignores this key, so it silently
runs the adapter as plain LoRA. `load` runs the adapter as it was trained: f = leaky_relu with slope 0.01 and one
threshold per token; at inhibition 0, which the authors label "InA00", plain LoRA (no f, no threshold).
"""

from __future__ import annotations

from pathlib import Path

from peft import PeftModel
from torch import nn

from .config import InaConfig
from .files import CONFIG_FILE, attach, read

_SHARED = ("modules_to_save", "exclude_modules", "layers_to_transform", "layers_pattern", "rank_pattern",
           "alpha_pattern", "use_rslora")  # fmt: skip


def load(model: nn.Module, folder: str | Path, adapter_name: str = "default") -> PeftModel:
    """Load an adapter released by the authors onto `model`, with the semantics of their code.

    Raises:
        FileNotFoundError: A file of the folder is missing.
        ValueError: The folder holds no released InA adapter, is damaged, or belongs to another model.
    """
    settings, weights = read(folder)
    if settings.get("peft_type") != "LORA" or "lora_inhibition" not in settings:
        raise ValueError(
            f"{Path(folder) / CONFIG_FILE}: a released InA adapter has peft_type 'LORA' and a key 'lora_inhibition'; "
            f"here peft_type is {settings.get('peft_type')!r} and the keys are {', '.join(sorted(settings))}"
        )
    if missing := sorted({"r", "lora_alpha", "target_modules"} - settings.keys()):
        raise ValueError(f"{Path(folder) / CONFIG_FILE} lacks {', '.join(missing)}")
    unsupported = {"use_dora": settings.get("use_dora"), "bias": settings.get("bias", "none") != "none"}
    if refused := [name for name, value in unsupported.items() if value]:
        raise ValueError(f"{Path(folder) / CONFIG_FILE}: {', '.join(refused)} in a released adapter is not supported")
    inhibition = settings["lora_inhibition"]
    config = InaConfig(
        task_type=settings.get("task_type"),
        base_model_name_or_path=settings.get("base_model_name_or_path"),
        r=settings["r"],
        alpha=settings["lora_alpha"],
        dropout=settings.get("lora_dropout", 0.0),
        inhibition=inhibition,
        activation="identity" if inhibition == 0 else "leaky_relu",
        target_modules=settings["target_modules"],
        **{name: settings[name] for name in _SHARED if settings.get(name)},
    )
    renamed = {name.replace(".lora_A.", ".ina_A.").replace(".lora_B.", ".ina_B."): w for name, w in weights.items()}
    return attach(model, config, renamed, folder, adapter_name)
