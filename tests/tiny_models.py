"""Tiny models with random weights, one of each family that runs can train."""

from functools import partial

import torch
from peft import TaskType
from torch import nn

from ina import methods, models
from ina.config import ModelConfig
from ina.record import Params
from ina.tasks import Head

FAMILIES = ("bert", "roberta", "deberta", "deberta-v2")
PAIR, SPAN = Head("classification", 2), Head("span", 2)
LOAD = partial(models.load, seed=1)


def tiny_config(family: str = "bert") -> ModelConfig:
    return ModelConfig(name="tiny", label="tiny", tiny=family)


def prepared(settings, family: str = "bert", head: Head = PAIR, load=LOAD) -> tuple[nn.Module, Params]:
    """A model with a method applied."""
    model = load(tiny_config(family), head)
    torch.manual_seed(2)
    task_type = None if head == SPAN else TaskType.SEQ_CLS
    return methods.prepare(settings, model, models.head_modules(tiny_config(family), model), task_type)


def stepped(model: nn.Module) -> set[str]:
    """Names of the weights that two optimiser steps change: W_up starts at zero, so W_down moves in the second."""
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0)
    inputs = {"input_ids": torch.arange(5, 29).view(4, 6), "labels": torch.tensor([0, 1, 1, 0])}
    model.eval()
    for _ in range(2):
        model(**inputs).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return {name for name, weight in model.named_parameters() if not torch.equal(weight, before[name])}
