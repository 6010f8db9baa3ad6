"""Fine-tuning methods, from PEFT and others: make a pre-trained model ready to train."""

from __future__ import annotations

from typing import Any

from peft import LoraConfig, PeftConfig, PeftModel, TaskType, get_peft_model
from peft.tuners.adalora import AdaLoraModel
from torch import nn
from transformers import PreTrainedModel, TrainerCallback

from .adalora import RankAllocation
from .adapter import InaConfig
from .config import Full, Gate, HeadAlone, Ina, Lora, Method, Peft, RunConfig
from .precursor import add_gates
from .projections import split_fused_projections, target_modules
from .record import Params


def prepare(
    method: Method,
    model: PreTrainedModel,
    head: tuple[str, ...],
    task_type: TaskType | None = TaskType.SEQ_CLS,
) -> tuple[nn.Module, Params]:
    """Apply a method: decide which weights train, and count them.

    LoRA and InA are two PEFT tuners at the same sites with the same rank, alpha and dropout; the head is trained with
    them. Both draw their initial weights from torch's generator in the same order. Full fine-tuning and the gate train
    all weights, `head` trains the head alone, and other methods of PEFT are applied like LoRA.

    Args:
        method: The method's settings.
        model: A backbone with its head; changed in place.
        head: Names of the head's modules.
        task_type: PEFT's name for the kind of task, see `task_type`.
    """
    if isinstance(method, HeadAlone):
        for name, weight in model.named_parameters():
            weight.requires_grad_(bool(set(head) & set(name.split("."))))
    elif not isinstance(method, Full):
        split_fused_projections(model)
    backbone = {id(weight) for weight in model.parameters()}
    if isinstance(method, Gate):
        add_gates(model, method)
    elif not isinstance(method, Full | HeadAlone):
        config = peft_config(
            method,
            task_type=task_type,
            target_modules=target_modules(model, tuple(method.sites)),
            modules_to_save=list(head),
        )
        try:
            model = get_peft_model(model, config)
        except (TypeError, ValueError, ZeroDivisionError) as error:
            if not isinstance(method, Peft):
                raise
            raise ValueError(f"method={method.name}: PEFT refuses arguments={method.arguments}: {error}") from error
    return model, _count(model, head, backbone)


def task_type(cfg: RunConfig) -> TaskType | None:
    """PEFT's task type of a run; None selects PEFT's generic class, which passes all inputs on.

    PEFT's class for question answering drops `token_type_ids`, which BERT needs to tell question and paragraph apart
    (seen in 0.21.2).
    """
    if cfg.task.family != "squad":
        return TaskType.SEQ_CLS
    return None if cfg.train.adapter_segment_ids else TaskType.QUESTION_ANS


def peft_config(method: Lora | Ina | Peft, **common: Any) -> PeftConfig:
    """PEFT's config for a method; `common` holds arguments that all config classes take."""
    if isinstance(method, Peft):
        return method.peft_config(**common)
    if isinstance(method, Lora):
        return LoraConfig(r=method.r, lora_alpha=method.alpha, lora_dropout=method.dropout, **common)
    return InaConfig(**method.model_dump(include=set(InaConfig.__dataclass_fields__)), **common)


def callbacks(model: nn.Module) -> list[TrainerCallback]:
    """The callbacks that a prepared model needs in training: AdaLoRA's moves the rank budget, others need none."""
    tuner = model.base_model if isinstance(model, PeftModel) else None
    return [RankAllocation(tuner)] if isinstance(tuner, AdaLoraModel) else []


def _count(model: nn.Module, head: tuple[str, ...], backbone: set[int]) -> Params:
    """Count the weights of adapter, head and model. The frozen copy that PEFT keeps of a trained head does not count.

    `backbone` has the `id` of every weight before the method was applied; other weights outside the head are the
    adapter's.
    """
    adapter = in_head = trainable = total = 0
    for name, weight in model.named_parameters():
        parts = name.split(".")
        if "original_module" in parts:
            continue
        # bitsandbytes packs two weights of four bits into a byte
        total += weight.quant_state.shape.numel() if hasattr(weight, "quant_state") else weight.numel()
        trainable += weight.numel() * weight.requires_grad
        if any(module in parts for module in head):
            in_head += weight.numel()
        elif id(weight) not in backbone:
            adapter += weight.numel()
    return Params(adapter=adapter, head=in_head, trainable=trainable, total=total)
