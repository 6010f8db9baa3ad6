"""Backbones: where their files are, their tokenizer, and the head a task needs on top."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import torch
from transformers import (
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from . import tiny
from .config import ModelConfig
from .task import Head

# The modules of a head, by what transformers calls them. Those of a family that a checkpoint of the plain encoder lacks
# start at random, so they are trained whatever the method: DeBERTa's pooler belongs to the head, BERT's does not.
_HEADS = {"span": ("qa_outputs",), "classification": ("classifier",), "regression": ("classifier",)}
_POOLER_IN_HEAD = ("deberta", "deberta-v2")


class ModelError(ValueError):
    """A backbone cannot be loaded; the message says what was looked for and where."""


def locate(model: ModelConfig) -> tuple[str, str | None]:
    """Folder or hub id of a model, and the revision: its own path, else the installed package, else the hub.

    Raises:
        ModelError: A named folder is missing or its weights are not the expected ones.
    """
    if model.path:
        folder = Path(model.path).expanduser()
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"model.path={model.path}: there is no config.json; a folder in the hub's format is needed"
            )
        return str(folder), None
    if model.package:
        name, _, inside = model.package.partition("/")
        spec = importlib.util.find_spec(name)
        if spec and spec.submodule_search_locations:
            folder = Path(spec.submodule_search_locations[0]) / inside
            _check_weights(folder / "model.safetensors", model.sha256)
            return str(folder), model.revision
    if not model.hub:
        raise ModelError(
            f"the Python package {model.package!r} of model {model.name} is not installed: see `make setup`"
        )
    return model.hub, model.revision


def load_tokenizer(model: ModelConfig) -> PreTrainedTokenizerBase:
    """The tokenizer of a backbone.

    Raises:
        ModelError: Its files cannot be had.
    """
    if model.tiny:
        return tiny.tokenizer(model.tiny)
    return _load(AutoTokenizer, model)


def load(model: ModelConfig, head: Head, seed: int) -> PreTrainedModel:
    """The backbone in float32 with a new head, which `seed` alone determines.

    Raises:
        ModelError: Its files cannot be had or are damaged.
    """
    auto = AutoModelForQuestionAnswering if head.kind == "span" else AutoModelForSequenceClassification
    settings = {} if head.kind == "span" else {"num_labels": head.outputs}
    torch.manual_seed(seed)
    if model.tiny:
        return auto.from_config(tiny.config(model.tiny, **settings))
    return _load(auto, model, dtype=torch.float32, **settings)


def head_modules(model: PreTrainedModel, head: Head) -> tuple[str, ...]:
    """Names of the modules that make up the head."""
    pooler = head.kind != "span" and model.config.model_type in _POOLER_IN_HEAD
    return ("pooler", *_HEADS[head.kind]) if pooler else _HEADS[head.kind]


def _load(auto, model: ModelConfig, **settings):
    place, revision = locate(model)
    try:
        return auto.from_pretrained(place, revision=revision, **settings)
    except Exception as error:
        where = f"{place} at revision {revision}" if revision else place
        raise ModelError(
            f"model {model.name} cannot be loaded from {where}: {str(error).strip().splitlines()[0]} "
            "(no network? set model.path to a local folder in the hub's format)"
        ) from error


def _check_weights(file: Path, expected: str | None) -> None:
    if not file.is_file():
        raise ModelError(f"{file} is missing; reinstall its package")
    if expected is None:
        return
    with open(file, "rb") as weights:
        found = hashlib.file_digest(weights, "sha256").hexdigest()
    if found != expected:
        raise ModelError(f"{file} is not the expected file: its SHA-256 is {found}, expected {expected}; reinstall it")
