"""Load adapter folders that PEFT saved, and explain what is wrong with one that does not fit the model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from peft import PeftConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from .config import InaConfig

CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"
# settings that change the outputs; a file that lacks one must not get today's default
_NEEDED = {
    "r",
    "alpha",
    "scale",
    "rank_pattern",
    "alpha_pattern",
    "use_rslora",
    "inhibition",
    "activation",
    "threshold",
}


def load(model: nn.Module, folder: str | Path, adapter_name: str = "default") -> PeftModel:
    """Load the InA adapter saved in `folder` onto `model`, ready for inference.

    Like ``PeftModel.from_pretrained``, but stricter: the weights in the file and in the model must have the same names
    and shapes, and only safetensors files are read. After an error the model is unchanged, except for layers that
    `layer_replication` has repeated.

    Args:
        model: The base model, or a PEFT model with InA adapters; changed in place. In a PEFT model the active adapters
            stay active; `set_adapter` switches to the new one.
        folder: Holds `adapter_config.json` and `adapter_model.safetensors`.
        adapter_name: The name of the adapter in the model.

    Returns:
        The PEFT model around `model`, in evaluation mode.

    Raises:
        FileNotFoundError: A file of the folder is missing.
        ValueError: A file is damaged, holds another method, or belongs to another model; or the model already has an
            adapter of this name or of another method.
    """
    settings, weights = read(folder)
    if settings.get("peft_type") != "INA":
        hint = (
            "; for the authors' published folders use ina.adapter.released.load"
            if "lora_inhibition" in settings
            else "; open it with peft.PeftModel.from_pretrained"
        )
        raise ValueError(f"{Path(folder) / CONFIG_FILE}: peft_type is {settings.get('peft_type')!r}, not 'INA'{hint}")
    try:
        config = InaConfig.from_pretrained(str(folder))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{Path(folder) / CONFIG_FILE}: {error}") from None
    if missing := sorted(_NEEDED - settings.keys()):
        raise ValueError(f"{Path(folder) / CONFIG_FILE} lacks {', '.join(missing)}")
    return attach(model, config, weights, folder, adapter_name)


def read(folder: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read an adapter folder without checking that it fits any model.

    Args:
        folder: Holds `adapter_config.json` and `adapter_model.safetensors`.

    Returns:
        The settings, as in the JSON file; the weights by name, on the CPU.

    Raises:
        FileNotFoundError: One of the two files is missing.
        ValueError: One of the two files is damaged.
    """
    config_file, weights_file = Path(folder) / CONFIG_FILE, Path(folder) / WEIGHTS_FILE
    for file in (config_file, weights_file):
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing; an adapter folder holds {CONFIG_FILE} and {WEIGHTS_FILE}")
    try:
        settings = json.loads(config_file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{config_file} is not valid JSON: {error}") from None
    if not isinstance(settings, dict):
        raise ValueError(f"{config_file} holds {settings!r}; it should hold the settings as a JSON object")
    return settings, read_weights(weights_file)


def read_weights(file: Path) -> dict[str, Tensor]:
    """Read the weights in a safetensors file, by name, on the CPU.

    Raises:
        ValueError: The file is truncated or of another format.
    """
    try:
        return load_file(file)
    except SafetensorError as error:
        raise ValueError(f"{file} is truncated or not a safetensors file: {error}") from None


def attach(
    model: nn.Module, config: PeftConfig, weights: dict[str, Tensor], folder: str | Path, adapter_name: str
) -> PeftModel:
    """Add an adapter of any PEFT method to `model` and give it `weights`.

    Args:
        model: The base model, or a PEFT model around it; changed in place.
        config: Settings of the adapter; `inference_mode` becomes true.
        weights: Tensors by the names that PEFT saves, which leave out the adapter's name.
        folder: The folder that the weights come from, for error messages.
        adapter_name: The name of the adapter in the model.

    Returns:
        The PEFT model around `model`, in evaluation mode.

    Raises:
        ValueError: Names or shapes in `weights` do not match the model with this `config`, or the model already has an
            adapter of this name, or adapters without a PEFT model around them; the model is unchanged.
    """
    config.inference_mode = True
    made_for = config.base_model_name_or_path  # PEFT overwrites it with the name of this model
    modules = dict(model.named_modules())
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    first = not isinstance(model, PeftModel)
    if first and any(isinstance(module, BaseTunerLayer) for module in model.modules()):
        raise ValueError(
            f"this model has an adapter already, so the one in {folder} was not added: "
            "pass the PeftModel around it, or remove its adapter with `unload()`"
        )
    if not first and adapter_name in model.peft_config:
        raise ValueError(
            f"this model has an adapter named {adapter_name!r} already, so the one in {folder} was not added: "
            "give it another `adapter_name`"
        )
    try:
        if first:
            adapted = get_peft_model(model, config, adapter_name=adapter_name)
        else:
            adapted = model
            adapted.add_adapter(adapter_name, config)
    except Exception:
        _undo(model, modules, trained, adapter_name)
        raise
    expected = get_peft_model_state_dict(adapted, adapter_name=adapter_name)
    if weights.keys() - expected.keys():  # embeddings may have been saved too
        own = get_peft_model_state_dict(adapted, adapter_name=adapter_name, save_embedding_layers=True)
        expected |= {name: weight for name, weight in own.items() if name in weights}
    misfits = [
        *(f"{name} is not in the file" for name in expected if name not in weights),
        *(f"{name} is not in the model" for name in weights if name not in expected),
        *(
            f"{name} is {tuple(weights[name].shape)} in the file and {tuple(expected[name].shape)} in the model"
            for name in expected
            if name in weights and weights[name].shape != expected[name].shape
        ),
    ]
    if misfits:
        if not first:
            adapted.delete_adapter(adapter_name)
        _undo(model, modules, trained, adapter_name)
        whose = f" (it was made for {made_for})" if made_for else ""
        raise ValueError(
            f"the adapter in {folder} does not fit this model{whose}: "
            f"{len(misfits)} weights differ, first: {misfits[0]}"
        )
    set_peft_model_state_dict(adapted, weights, adapter_name=adapter_name)
    return adapted.eval()


def _undo(model: nn.Module, modules: dict[str, nn.Module], trained: list[nn.Parameter], adapter_name: str) -> None:
    """Remove an adapter that was added to some or all of its modules."""
    for layer in list(model.modules()):
        if isinstance(layer, BaseTunerLayer):
            layer.delete_adapter(adapter_name)
    for name, module in modules.items():
        if name and model.get_submodule(name) is not module:
            model.set_submodule(name, module)
    for weight in trained:
        weight.requires_grad_(True)
    if not isinstance(model, PeftModel) and hasattr(model, "peft_config"):
        del model.peft_config  # else PEFT would still list the removed adapter
