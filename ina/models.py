"""Backbones: where their files are, their tokenizer, and the head a task needs on top."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
from pathlib import Path

import torch
from tokenizers import processors
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForMultipleChoice,
    AutoModelForPreTraining,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BitsAndBytesConfig,
    DebertaTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.models.deberta.modeling_deberta import DisentangledSelfAttention

from . import tiny
from .compose import CONFIG_DIR
from .config import ModelConfig
from .data import hub
from .fingerprint import file_sha256, folder_sha256
from .tasks import Head


class ModelError(ValueError):
    """A backbone cannot be loaded; the message says what was looked for and where."""


def locate(model: ModelConfig) -> tuple[str, str | None]:
    """Folder or hub id of a model, and its revision: from its path, else its installed package, else the hub.

    Raises:
        ModelError: A folder or file is missing, or a file is not the expected one.
    """
    if model.path:
        folder = Path(os.path.expanduser(model.path))
        if not (folder / "config.json").is_file():
            raise ModelError(
                f"model.path={model.path}: there is no config.json; a folder in the hub's format is needed"
            )
        if model.revision and folder_sha256(folder) != model.revision:
            raise ModelError(
                f"model.path={model.path}: these are not the files of the run; their SHA-256 is "
                f"{folder_sha256(folder)}, expected {model.revision}"
            )
        return str(folder), None
    if model.package:
        name, _, inside = model.package.partition("/")
        spec = importlib.util.find_spec(name)
        if spec and spec.submodule_search_locations:
            folder = Path(spec.submodule_search_locations[0]) / inside
            file = folder / "model.safetensors"
            if not file.is_file():
                raise ModelError(f"{file} is missing; reinstall its package")
            if model.sha256 and (digest := file_sha256(file)) != model.sha256:
                raise ModelError(
                    f"{file} is not the expected file: its SHA-256 is {digest}, expected {model.sha256}; reinstall it"
                )
            return str(folder), model.revision
    if not model.hub:
        raise ModelError(
            f"the Python package {model.package!r} of model {model.name} is not installed: see `make setup`"
        )
    return model.hub, model.revision


def load_tokenizer(model: ModelConfig) -> PreTrainedTokenizerBase:
    """The tokenizer of a backbone.

    Raises:
        ModelError: Its files cannot be loaded.
    """
    tokenizer = tiny.tokenizer(model.tiny) if _is_random(model) else _load("tokenizer", AutoTokenizer, model)
    # without a vocabulary file, transformers loads only the special tokens
    if len(tokenizer) <= len(tokenizer.all_special_ids) + 2:
        raise ModelError(
            f"the tokenizer of model {model.name} has a vocabulary of {len(tokenizer)} tokens: "
            f"its vocabulary file is missing in {locate(model)[0]}"
        )
    if isinstance(tokenizer, DebertaTokenizer):
        # transformers 5 puts two separators between the texts of a pair, as for RoBERTa; DeBERTa was trained with one
        # (microsoft/DeBERTa, DeBERTa/data/example.py)
        cls, sep = tokenizer.cls_token, tokenizer.sep_token
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{cls} $A {sep}",
            pair=f"{cls} $A {sep} $B:1 {sep}:1",
            special_tokens=[(cls, tokenizer.cls_token_id), (sep, tokenizer.sep_token_id)],
        )
    return tokenizer


def check(model: ModelConfig, head: Head, max_length: int, head_dropout: float | None = None) -> None:
    """Check that a backbone exists, has such a head and takes `max_length` tokens; loads only its config.json.

    Raises:
        ModelError: It does not exist, has no such head or one for another number of classes, or takes fewer tokens.
    """
    if not _is_random(model):
        locate(model)
    if model.quantization and not importlib.util.find_spec("bitsandbytes"):
        raise ModelError(f"model.quantization={model.quantization} needs the package bitsandbytes: see `make setup`")
    blank = untrained(model, head, "meta", layers=1, head_dropout=head_dropout)
    for name, table in blank.named_modules():
        if name.endswith("position_embeddings") and isinstance(table, nn.Embedding):
            # RoBERTa's positions start after the padding index
            positions = table.num_embeddings - (0 if table.padding_idx is None else table.padding_idx + 1)
            if max_length > positions:
                raise ModelError(
                    f"task.max_length={max_length}, but model {model.name} takes no more than {positions} tokens"
                )


def load(model: ModelConfig, head: Head, seed: int, head_dropout: float | None = None) -> PreTrainedModel:
    """The backbone in float32, or its encoder in four bits, with a new head that depends only on `seed`.

    If `model.path` holds a model with such a head, that head is kept.

    The attribute `lacking` names the encoder modules that are not in the checkpoint and start at random.

    Raises:
        ModelError: Its files cannot be loaded, are damaged, or lack weights of the encoder's layers, or its head has
            another number of outputs.
    """
    if _is_random(model):
        torch.manual_seed(seed)
        return untrained(model, head, head_dropout=head_dropout)
    config = _load("config.json", AutoConfig, model)
    _configure_head(model, config, head, head_dropout)
    settings = dict(config=config, dtype=torch.float32, output_loading_info=True)
    if model.quantization:
        unquantized = head_modules(model, untrained(model, head, "meta", layers=1))
        settings["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.float32,  # autocast replaces it by the run's dtype
            llm_int8_skip_modules=list(unquantized),
        )
    torch.manual_seed(seed)
    backbone, report = _load("weights", _auto(head), model, **settings)
    backbone.lacking = _lacking_in_checkpoint(model, backbone, report["missing_keys"])
    for module in backbone.modules():
        # With AVX512-BF16, bitsandbytes packs weights in evaluation, and packed weights pass no gradients.
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return _fit_for_autocast(backbone)


def untrained(
    model: ModelConfig,
    head: Head,
    device: str = "cpu",
    layers: int | None = None,
    head_dropout: float | None = None,
) -> PreTrainedModel:
    """The backbone with random weights; on the device "meta" it takes no memory.

    `layers` reduces the number of layers. Nothing is downloaded for models whose config.json is copied in
    `configs/architectures.json`.

    Raises:
        ModelError: The model's config.json is missing, or the model has no such head.
    """
    config = architecture(model)
    config.num_hidden_layers = layers or config.num_hidden_layers
    _configure_head(model, config, head, head_dropout)
    lacking = _lacking_after_pre_training(config, head)
    with torch.device(device):
        backbone = _auto(head).from_config(config)
    backbone.lacking = lacking
    return _fit_for_autocast(backbone)


def architecture(model: ModelConfig) -> PretrainedConfig:
    """The config of a backbone: layers, widths, vocabulary.

    Raises:
        ModelError: The model's config.json cannot be loaded.
    """
    if _is_random(model):
        return tiny.config(model.tiny)
    copies = json.loads((CONFIG_DIR / "architectures.json").read_text(encoding="utf-8"))
    name = (model.hub or "").split("/")[-1]
    if name in copies and not model.path:
        return AutoConfig.for_model(**copies[name])
    return _load("config.json", AutoConfig, model)


def head_modules(model: ModelConfig, backbone: PreTrainedModel) -> tuple[str, ...]:
    """Names of the head's modules: all modules outside the encoder, and encoder modules that the checkpoint lacks.

    They start at random, so every method trains them.

    Args:
        model: Its `pooler_in_head` adds the pooler even if the checkpoint has one.
        backbone: From `load` or `untrained`.
    """
    in_encoder = backbone.lacking | ({"pooler"} if model.pooler_in_head else set())
    names = []
    for name, _ in backbone.named_parameters():
        first, second = name.split(".")[:2]
        if first != backbone.base_model_prefix:
            names.append(first)
        elif second in in_encoder:
            names.append(second)
    return tuple(dict.fromkeys(names))


def _lacking_in_checkpoint(model: ModelConfig, backbone: PreTrainedModel, missing: set[str]) -> set[str]:
    """The encoder modules that the checkpoint lacks.

    Raises:
        ModelError: Weights of embeddings or layers are missing.
    """
    encoder = backbone.base_model
    inside = sorted(key.split(".", 1)[1] for key in missing if key.startswith(f"{backbone.base_model_prefix}."))
    embeddings = encoder.get_input_embeddings()
    needed = {
        name
        for name, child in encoder.named_children()
        if any(part is embeddings or isinstance(part, nn.ModuleList) for part in child.modules())
    }
    if lost := [key for key in inside if key.split(".")[0] in needed]:
        raise ModelError(
            f"the checkpoint of model {model.name} in {locate(model)[0]} lacks {len(lost)} weights of the encoder, "
            f"first: {lost[0]}; is it a {backbone.config.model_type} model?"
        )
    return {key.split(".")[0] for key in inside}


def _lacking_after_pre_training(config: PretrainedConfig, head: Head) -> set[str]:
    """The encoder modules that transformers' pre-training model lacks, and so a checkpoint lacks them too."""
    if type(config) not in AutoModelForPreTraining._model_mapping:
        return set()
    small = copy.deepcopy(config)
    small.num_hidden_layers = 1
    with torch.device("meta"):
        pre_trained, ours = AutoModelForPreTraining.from_config(small), _auto(head).from_config(small)
    pre_trained_names, own_names = (
        {name.split(".")[1] for name, _ in network.named_parameters() if name.startswith(f"{ours.base_model_prefix}.")}
        for network in (pre_trained, ours)
    )
    return own_names - pre_trained_names


def _is_random(model: ModelConfig) -> bool:
    return model.tiny is not None and model.path is None


def _auto(head: Head):
    others = {"span": AutoModelForQuestionAnswering, "choice": AutoModelForMultipleChoice}
    return others.get(head.kind, AutoModelForSequenceClassification)


def _configure_head(model: ModelConfig, config: PretrainedConfig, head: Head, dropout: float | None) -> None:
    with_head = _auto(head)._model_mapping.get(type(config), None)
    has_such_a_head = with_head is not None and config.architectures == [with_head.__name__]
    if has_such_a_head and head.kind in ("classification", "regression") and config.num_labels != head.outputs:
        raise ModelError(
            f"the head of model {model.name} in {locate(model)[0]} has {config.num_labels} outputs, and the task needs "
            f"{head.outputs}; save the encoder alone, model.base_model.save_pretrained(…), and use that folder"
        )
    if head.kind == "choice" and type(config) not in AutoModelForMultipleChoice._model_mapping:
        raise ModelError(
            f"transformers has no head for multiple choice on models of type {config.model_type!r}; "
            "bert, roberta and deberta-v2 have one"
        )
    if head.kind == "choice" and config.model_type == "roberta" and dropout is not None:
        raise ModelError("RoBERTa's multiple-choice head uses the backbone's dropout: leave out train.head_dropout")
    if head.kind in ("classification", "regression"):
        config.num_labels = head.outputs
    if dropout is not None:
        deberta = config.model_type in ("deberta", "deberta-v2")
        names = ("cls_dropout",) if deberta else ("seq_classif_dropout", "classifier_dropout")
        name = next((name for name in names if deberta or hasattr(config, name)), None)
        if name is None:
            raise ModelError(f"models of type {config.model_type!r} have no train.head_dropout; leave it out")
        setattr(config, name, dropout)


class _AutocastSelfAttention(DisentangledSelfAttention):
    """DeBERTa's attention, with biases that follow autocast.

    transformers adds float32 biases to bfloat16 queries and then masks bfloat16 scores with float32's minimum, which
    overflows.
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
    # without a network, every file would be requested six times: half a minute in all
    cached = not Path(place).is_dir() and not hub.reachable()
    try:
        return auto.from_pretrained(place, revision=revision, local_files_only=cached, **settings)
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(" .:")
        if Path(place).is_dir():
            files = ", ".join(sorted(file.name for file in Path(place).iterdir()))
            where, hint = place, f"the folder holds {files}"
        else:
            where = f"{place} at revision {revision}"
            hint = (
                "without a network: `make setup` installs minilm, `make mpnet` installs mpnet, and model.path takes a "
                "local folder in the hub's format"
            )
        raise ModelError(f"cannot load the {what} of model {model.name} from {where}: {reason} ({hint})") from error
