"""Full fine-tuning, LoRA, InA: from a pre-trained model to one that is ready to train."""

from __future__ import annotations

from peft import LoraConfig, TaskType, get_peft_model
from torch import nn
from transformers import PreTrainedModel

from .adapter import InaConfig
from .adapter.sites import split_fused_projections, target_modules
from .config import Full, Ina, Lora
from .record import Params


def prepare(
    method: Full | Lora | Ina, model: PreTrainedModel, head: tuple[str, ...], span: bool
) -> tuple[nn.Module, Params]:
    """Apply a method: decide which weights train, and count them.

    LoRA and InA are two PEFT tuners at the same sites with the same rank, alpha and dropout; the head is trained with
    them. Both draw their initial weights from torch's generator in the same order.

    Args:
        method: The method's settings.
        model: A backbone with its head; changed in place.
        head: Names of the head's modules.
        span: Question answering rather than classification.
    """
    if isinstance(method, Full):
        return model, count(model, head)
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


def count(model: nn.Module, head: tuple[str, ...]) -> Params:
    """Numbers of weights, adapter and head apart; the frozen copy that PEFT keeps of a trained head is not counted."""
    adapter = in_head = trainable = total = 0
    for name, weight in model.named_parameters():
        parts = name.split(".")
        if "original_module" in parts:
            continue
        total += weight.numel()
        trainable += weight.numel() * weight.requires_grad
        if "ina_A" in parts or "ina_B" in parts or "lora_A" in parts or "lora_B" in parts:
            adapter += weight.numel()
        elif any(module in parts for module in head):
            in_head += weight.numel()
    return Params(adapter=adapter, head=in_head, trainable=trainable, total=total)
