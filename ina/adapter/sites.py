"""The query, key and value projections of each model family: separate modules, or fused into one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Hugging Face model type -> module name of each projection. In a fused projection `<module>.query` is a part of the
# module's output; see `FUSED`.
_BERT = {"query": "query", "key": "key", "value": "value"}
_LLAMA = {"query": "q_proj", "key": "k_proj", "value": "v_proj"}
_T5 = {"query": "q", "key": "k", "value": "v"}


def _parts_of(module: str) -> dict[str, str]:
    return {part: f"{module}.{part}" for part in ("query", "key", "value")}


PROJECTIONS: dict[str, dict[str, str]] = {
    **dict.fromkeys(("bert", "roberta", "xlm-roberta", "camembert", "electra", "albert", "layoutlm", "vit"), _BERT),
    "deberta": _parts_of("in_proj"),
    "deberta-v2": {"query": "query_proj", "key": "key_proj", "value": "value_proj"},
    "distilbert": {"query": "q_lin", "key": "k_lin", "value": "v_lin"},
    "modernbert": _parts_of("Wqkv"),
    "mpnet": {"query": "attn.q", "key": "attn.k", "value": "attn.v"},
    **dict.fromkeys(("t5", "mt5", "blip-2"), _T5),
    **dict.fromkeys(("llama", "llama4", "mistral", "mixtral", "gemma", "gemma2", "gemma3", "gemma3_text"), _LLAMA),
    **dict.fromkeys(("gemma4", "qwen2", "qwen3", "qwen3_moe", "olmo2", "smollm3", "stablelm", "phi"), _LLAMA),
    **dict.fromkeys(("opt", "gptj", "gpt_neo", "nemotron_h", "bart", "mbart", "whisper", "clip"), _LLAMA),
    "phi3": _parts_of("qkv_proj"),
    "gpt2": _parts_of("attn.c_attn"),  # in its cross-attention the query is a separate module
    "gpt_bigcode": _parts_of("attn.c_attn"),
    **dict.fromkeys(("gpt_neox", "falcon", "bloom"), _parts_of("query_key_value")),
    "mpt": _parts_of("Wqkv"),
    "codegen": _parts_of("qkv_proj"),
}

# Alternative names: ViT's in transformers 5.23, and BLIP-2's if its language model is an OPT.
ALTERNATIVES = {"vit": _LLAMA, "blip-2": _LLAMA}
# Families whose vision tower uses the same module names as the language model. Only the language model is adapted, as
# in PEFT's LoRA for Gemma 4.
_TEXT_ONLY = {"gemma3", "gemma4"}


def target_modules(model_type: str, sites: tuple[str, ...] = ("query", "key")) -> list[str]:
    """Module names of the projections `sites` ("query", "key", "value") in the family `model_type`.

    Raises:
        ValueError: The family is unknown; the message lists the known ones.
    """
    if model_type not in PROJECTIONS:
        raise ValueError(
            f"no query and key projections are known for model type {model_type!r}; "
            f"name them in `target_modules`, or use one of {', '.join(sorted(PROJECTIONS))}"
        )
    return [PROJECTIONS[model_type][site] for site in sites]


def default_targets(model_type: str) -> set[str] | str:
    """The default of `target_modules`: query and key, as suffixes or as a regular expression.

    Raises:
        ValueError: The family is unknown.
    """
    names = target_modules(model_type)
    if model_type in _TEXT_ONLY:
        return rf".*language_model\..*\.({'|'.join(names)})"
    further = ALTERNATIVES.get(model_type, {})
    return {*names, *(further[site] for site in ("query", "key") if further)}


@dataclass(frozen=True)
class Fused:
    """Output layout of a fused projection: `groups` groups, each with all parts one after the other.

    Attributes:
        groups: Often the number of heads, or 1.
        widths: Features of each part in one group, in order. The output has groups * sum(widths) features.
    """

    groups: int
    widths: dict[str, int]


def _head_width(config: Any) -> int:
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def _one_after_the_other(config: Any) -> Fused:
    heads, head = config.num_attention_heads, _head_width(config)
    shared = (getattr(config, "num_key_value_heads", None) or heads) * head
    return Fused(1, {"query": heads * head, "key": shared, "value": shared})


def _in_groups(config: Any, groups: int) -> Fused:
    """In each group: the queries of its heads, one key, one value."""
    head = _head_width(config)
    return Fused(groups, {"query": config.num_attention_heads // groups * head, "key": head, "value": head})


def _head_by_head(config: Any) -> Fused:
    return _in_groups(config, config.num_attention_heads)


def _multi_query(config: Any) -> Fused:
    return _in_groups(config, 1 if config.multi_query else config.num_attention_heads)


def _falcon(config: Any) -> Fused:
    return _in_groups(config, config.num_kv_heads) if config.new_decoder_architecture else _multi_query(config)


def _codegen(config: Any) -> Fused:
    return Fused(4, dict.fromkeys(("query", "value", "key"), config.hidden_size // 4))


# Model type -> name of its fused projection, and its layout: how transformers' modeling code splits the output.
FUSED: dict[str, tuple[str, Callable[[Any], Fused]]] = {
    "deberta": ("in_proj", _head_by_head),
    "modernbert": ("Wqkv", _one_after_the_other),
    "phi3": ("qkv_proj", _one_after_the_other),
    "gpt2": ("c_attn", _one_after_the_other),
    "gpt_bigcode": ("c_attn", _multi_query),
    "gpt_neox": ("query_key_value", _head_by_head),
    "falcon": ("query_key_value", _falcon),
    "bloom": ("query_key_value", _head_by_head),
    "mpt": ("Wqkv", _one_after_the_other),
    "codegen": ("qkv_proj", _codegen),
}


def fused_layout(config: Any, name: str, width: int) -> Fused | None:
    """The layout of the module `name` in a model with the config `config`, or None if the module is not fused.

    Args:
        config: The model's config, of any type, or None.
        name: Last part of the module's name.
        width: Number of output features of the module.
    """
    fused, layout = FUSED.get(getattr(config, "model_type", None), (None, None))
    if name != fused:
        return None
    try:
        found = layout(config)
    except AttributeError:  # custom code from the hub with a known type but another config: adapt the whole module
        return None
    # GPT-2's cross-attention has a c_attn without a query
    return found if found.groups * sum(found.widths.values()) == width else None
