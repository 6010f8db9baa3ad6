"""Full fine-tuning, LoRA, InA and the precursor's gate: from a pre-trained model to one that is ready to train."""

from __future__ import annotations

from peft import LoraConfig, TaskType, get_peft_model
from torch import nn
from transformers import PreTrainedModel

from .adapter import InaConfig
from .adapter.sites import split_fused_projections, target_modules
from .config import Full, Gate, Ina, Lora
from .precursor import add_gates
from .record import Params

_ADDED = {"lora_A", "lora_B", "ina_A", "ina_B", "inhibit", "select"}  # modules that no backbone has


def prepare(
    method: Full | Gate | Lora | Ina, model: PreTrainedModel, head: tuple[str, ...], span: bool
) -> tuple[nn.Module, Params]:
    """Apply a method: decide which weights train, and count them.

    LoRA and InA are two PEFT tuners at the same sites with the same rank, alpha and dropout; the head is trained with
    them. Both draw their initial weights from torch's generator in the same order. Full fine-tuning and the gate train
    everything.

    Args:
        method: The method's settings.
        model: A backbone with its head; changed in place.
        head: Names of the head's modules.
        span: Question answering rather than classification.
    """
    if isinstance(method, Gate):
        add_gates(model, method)
    if isinstance(method, Full | Gate):
        return model, count(model, head)
    if not isinstance(method, Lora | Ina):
        raise TypeError(f"unknown kind of method {type(method).__name__}; there are Full, Gate, Lora and Ina")
    common = {
        "task_type": TaskType.QUESTION_ANS if span else TaskType.SEQ_CLS,
        "r": method.r,
        "target_modules": target_modules(model.config.model_type, tuple(method.sites)),
        "modules_to_save": list(head),
    }
    if isinstance(method, Lora):
        split_fused_projections(model)
        config = LoraConfig(lora_alpha=method.alpha, lora_dropout=method.dropout, **common)
    else:
        settings = method.model_dump(include=set(InaConfig.__dataclass_fields__) - {"r"})
        config = InaConfig(**settings, **common)
    adapted = get_peft_model(model, config)
    return adapted, count(adapted, head)


def alike_in_all_layers(method: Full | Gate | Lora | Ina) -> bool:
    """Whether a method does the same to every layer, so that two of them tell the cost of all."""
    return not isinstance(method, Gate) or method.layers is None


def count(model: nn.Module, head: tuple[str, ...]) -> Params:
    """Numbers of weights, adapter and head apart; the frozen copy that PEFT keeps of a trained head is not counted."""
    adapter = in_head = trainable = total = 0
    for name, weight in model.named_parameters():
        parts = name.split(".")
        if "original_module" in parts:
            continue
        total += weight.numel()
        trainable += weight.numel() * weight.requires_grad
        if not _ADDED.isdisjoint(parts):
            adapter += weight.numel()
        elif any(module in parts for module in head):
            in_head += weight.numel()
    return Params(adapter=adapter, head=in_head, trainable=trainable, total=total)
