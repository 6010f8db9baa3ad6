"""Backbones: where their files are, their tokenizer, and the head a task needs on top."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path

import torch
from tokenizers import processors
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DebertaTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.deberta.modeling_deberta import DisentangledSelfAttention

from . import tiny
from .config import CONFIG_DIR, ModelConfig
from .data import hub
from .tasks import Head

# The modules of a head, by what transformers calls them. Those of a family that a checkpoint of the plain encoder lacks
# start at random, so they are trained whatever the method: DeBERTa's pooler belongs to the head, BERT's does not.
_HEADS = {"span": ("qa_outputs",)} | dict.fromkeys(("classification", "regression", "choice"), ("classifier",))
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
    tokenizer = _load("tokenizer", AutoTokenizer, model)
    # transformers makes do with the special tokens where the vocabulary is missing
    if len(tokenizer) <= len(tokenizer.all_special_ids) + 2:
        raise ModelError(
            f"the tokenizer of model {model.name} has a vocabulary of {len(tokenizer)} tokens: "
            f"its vocabulary file is missing in {locate(model)[0]}"
        )
    if isinstance(tokenizer, DebertaTokenizer):
        # transformers 5 puts RoBERTa's two separators into a pair; DeBERTa was trained with one (microsoft/DeBERTa,
        # DeBERTa/data/example.py)
        cls, sep = tokenizer.cls_token, tokenizer.sep_token
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{cls} $A {sep}",
            pair=f"{cls} $A {sep} $B:1 {sep}:1",
            special_tokens=[(cls, tokenizer.cls_token_id), (sep, tokenizer.sep_token_id)],
        )
    return tokenizer


def load(model: ModelConfig, head: Head, seed: int, head_dropout: float | None = None) -> PreTrainedModel:
    """The backbone in float32 with a new head, which `seed` alone determines.

    Raises:
        ModelError: Its files cannot be had or are damaged.
    """
    config = tiny.config(model.tiny) if model.tiny else _load("config.json", AutoConfig, model)
    _fit(config, head, head_dropout)
    torch.manual_seed(seed)
    if model.tiny:
        return _fit_for_autocast(_auto(head).from_config(config))
    return _fit_for_autocast(_load("weights", _auto(head), model, config=config, dtype=torch.float32))


def untrained(model: ModelConfig, head: Head, device: str = "cpu", layers: int | None = None) -> PreTrainedModel:
    """The backbone at its full size with random weights; on the device "meta" without any, which takes no memory.

    `layers` cuts it to its first few.

    Nothing is downloaded: for the hub's models `configs/architectures.json` holds copies of their config.json.

    Raises:
        ModelError: The model's config.json is not there.
    """
    config = architecture(model)
    config.num_hidden_layers = layers or config.num_hidden_layers
    _fit(config, head, None)
    with torch.device(device):
        return _fit_for_autocast(_auto(head).from_config(config))


def architecture(model: ModelConfig) -> PretrainedConfig:
    """The shape of a backbone: layers, widths, vocabulary.

    Raises:
        ModelError: The model's config.json is not there.
    """
    if model.tiny:
        return tiny.config(model.tiny)
    copies = json.loads((CONFIG_DIR / "architectures.json").read_text(encoding="utf-8"))
    name = (model.hub or "").split("/")[-1]
    if name in copies and not model.path:
        return AutoConfig.for_model(**copies[name])
    return _load("config.json", AutoConfig, model)


def head_modules(model: ModelConfig, backbone: PreTrainedModel, head: Head) -> tuple[str, ...]:
    """Names of the modules that make up the head."""
    family = backbone.config.model_type
    # RoBERTa's checkpoints have no pooler, and its head for multiple choice reads one
    random = family in _POOLER_IN_HEAD or (family == "roberta" and head.kind == "choice")
    pooler = model.pooler_in_head or random
    return ("pooler", *_HEADS[head.kind]) if pooler and head.kind != "span" else _HEADS[head.kind]


def _auto(head: Head):
    others = {"span": AutoModelForQuestionAnswering, "choice": AutoModelForMultipleChoice}
    return others.get(head.kind, AutoModelForSequenceClassification)


def _fit(config: PretrainedConfig, head: Head, dropout: float | None) -> None:
    if head.kind == "choice" and type(config) not in AutoModelForMultipleChoice._model_mapping:
        raise ModelError(
            f"transformers has no head for multiple choice on models of type {config.model_type!r}; "
            "bert, roberta and deberta-v2 have one"
        )
    if head.kind == "choice" and config.model_type == "roberta" and dropout is not None:
        raise ModelError("RoBERTa's head for multiple choice has the backbone's dropout: leave out train.head_dropout")
    if head.kind in ("classification", "regression"):
        config.num_labels = head.outputs
    if dropout is not None:
        setattr(config, "cls_dropout" if config.model_type in _POOLER_IN_HEAD else "classifier_dropout", dropout)


class _AutocastSelfAttention(DisentangledSelfAttention):
    """DeBERTa's, whose biases follow autocast.

    transformers adds float32 biases to bfloat16 queries and then masks bfloat16 scores with float32's lowest number,
    which overflows.
    """

    def transpose_for_scores(self, x: Tensor) -> Tensor:
        device = x.device.type
        if device != "meta" and torch.is_autocast_enabled(device):
            x = x.to(torch.get_autocast_dtype(device))
        return super().transpose_for_scores(x)


def _fit_for_autocast(backbone: PreTrainedModel) -> PreTrainedModel:
    for module in backbone.modules():
        if type(module) is DisentangledSelfAttention:
            module.__class__ = _AutocastSelfAttention
    return backbone


def _load(what: str, auto, model: ModelConfig, **settings):
    place, revision = locate(model)
    # without a network every file would be asked for six times, half a minute in all
    cached = not Path(place).is_dir() and not hub.reachable()
    try:
        return auto.from_pretrained(place, revision=revision, local_files_only=cached, **settings)
    except Exception as error:
        reason = str(error).strip().splitlines()[0].rstrip(" .:")
        if Path(place).is_dir():
            files = ", ".join(sorted(file.name for file in Path(place).iterdir()))
            where, hint = place, f"the folder holds {files}"
        else:
            where, hint = f"{place} at revision {revision}", "no network? model.path takes a folder in the hub's format"
        raise ModelError(f"cannot load the {what} of model {model.name} from {where}: {reason} ({hint})") from error


def _check_weights(file: Path, expected: str | None) -> None:
    if not file.is_file():
        raise ModelError(f"{file} is missing; reinstall its package")
    if expected is None:
        return
    with open(file, "rb") as weights:
        found = hashlib.file_digest(weights, "sha256").hexdigest()
    if found != expected:
        raise ModelError(f"{file} is not the expected file: its SHA-256 is {found}, expected {expected}; reinstall it")
