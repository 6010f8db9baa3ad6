"""A tiny model of every family with default targets in InA, built by the installed transformers."""

import copy
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CONFIG_MAPPING, AutoConfig, AutoModel, PreTrainedModel

from ina.adapter.sites import PROJECTIONS

_SMALL = dict(vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64)
_SMALL |= dict(max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2)
_GPT = dict(vocab_size=99, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2)
_T5 = dict(vocab_size=99, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, pad_token_id=0)
_BART = dict(vocab_size=99, d_model=32, encoder_layers=2, decoder_layers=2, encoder_ffn_dim=64, decoder_ffn_dim=64)
_BART |= dict(encoder_attention_heads=4, decoder_attention_heads=4, max_position_embeddings=64)
_BART |= dict(pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=2)
_SHARED = _SMALL | dict(num_key_value_heads=2, head_dim=8)
_VISION = dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64, image_size=8)
_VISION |= dict(patch_size=4)
_MOE = dict(num_experts=4, num_experts_per_tok=2, moe_intermediate_size=16)

# Settings of the config, where they differ from `_SMALL`.
CONFIGS: dict[str, dict[str, Any]] = {
    "albert": _SMALL | dict(embedding_size=16),
    "electra": _SMALL | dict(embedding_size=16),
    "deberta-v2": _SMALL
    | dict(relative_attention=True, share_att_key=True, pos_att_type=["c2p", "p2c"], max_relative_positions=16),
    "vit": _SMALL | _VISION,
    "distilbert": dict(vocab_size=99, dim=32, hidden_dim=64, n_layers=2, n_heads=4, max_position_embeddings=64),
    **dict.fromkeys(("t5", "mt5"), _T5),
    **dict.fromkeys(("bart", "mbart"), _BART),
    "whisper": _BART | dict(num_mel_bins=8, max_source_positions=8, max_target_positions=64),
    "blip-2": dict(
        vision_config=_VISION,
        qformer_config=_SMALL | dict(encoder_hidden_size=32),
        text_config=_SMALL | dict(model_type="opt", ffn_dim=64, word_embed_proj_dim=32),
        num_query_tokens=2,
        image_token_index=98,
    ),
    "clip": dict(text_config=_SMALL, vision_config=_VISION, projection_dim=16),
    **dict.fromkeys(("llama", "mistral", "qwen2", "qwen3", "olmo2", "smollm3", "gemma", "gemma2"), _SHARED),
    **dict.fromkeys(("gemma3_text", "phi3"), _SHARED),
    "gemma4": dict(text_config=_SHARED | dict(vocab_size_per_layer_input=99, hidden_size_per_layer_input=8)),
    "gemma3": dict(text_config=_SHARED, vision_config=_VISION),
    "llama4": dict(
        text_config=_SHARED,
        vision_config=_VISION | dict.fromkeys(("vision_output_dim", "projector_input_dim", "projector_output_dim"), 32),
    ),
    "mixtral": _SHARED | dict(num_local_experts=4),
    "qwen3_moe": _SHARED | _MOE,
    "nemotron_h": _SHARED
    | dict(layers_block_type=["mamba", "attention"], mamba_num_heads=4, mamba_head_dim=8, ssm_state_size=8)
    | dict(n_groups=2),
    "stablelm": _SHARED,
    "opt": _SMALL | dict(ffn_dim=64, word_embed_proj_dim=32),
    "gpt_neo": dict(vocab_size=99, hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["global"], 2]])
    | dict(max_position_embeddings=64, bos_token_id=1, eos_token_id=2),
    **dict.fromkeys(("gpt2", "gpt_bigcode"), _GPT),
    **dict.fromkeys(("gptj", "codegen"), _GPT | dict(rotary_dim=4)),
    "bloom": dict(vocab_size=99, hidden_size=32, n_layer=2, n_head=4),
    "mpt": dict(vocab_size=99, d_model=32, n_layers=2, n_heads=4, max_seq_len=64),
    "falcon": _SMALL | dict(multi_query=True),
}
# The same families laid out differently.
VARIANTS = {
    "falcon, grouped": ("falcon", _SMALL | dict(new_decoder_architecture=True, num_kv_heads=2)),
    "falcon, head by head": ("falcon", _SMALL | dict(multi_query=False)),
    "gpt_bigcode, head by head": ("gpt_bigcode", _GPT | dict(multi_query=False)),
}
FAMILIES = {name: (name, CONFIGS.get(name, _SMALL)) for name in PROJECTIONS if name in CONFIG_MAPPING}


def build(name: str, auto: type = AutoModel) -> PreTrainedModel:
    """The model `name` of `FAMILIES` or `VARIANTS`, with the same random weights at every call; default: no head."""
    return copy.deepcopy(_built(name, auto))


@cache
def _built(name: str, auto: type) -> PreTrainedModel:
    family, settings = (FAMILIES | VARIANTS)[name]
    torch.manual_seed(0)
    model = auto.from_config(AutoConfig.for_model(family, **settings)).eval()
    for weight in model.parameters():  # attention far from uniform, so that changes of query and key matter
        if weight.ndim == 2:
            nn.init.normal_(weight, std=0.3)
    return model


def inputs(name: str, rows: int = 2) -> dict[str, Tensor]:
    """`rows` different examples for the model `name`."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, 98, (rows, 7), generator=generator)
    pixels = torch.randn(rows, 3, 8, 8, generator=generator)
    if name == "vit":
        return {"pixel_values": pixels}
    if name == "clip":
        return {"input_ids": ids, "pixel_values": pixels}
    if name == "blip-2":
        ids[:, :2] = 98
        return {"input_ids": ids, "pixel_values": pixels}
    if name == "whisper":
        return {"input_features": torch.randn(rows, 8, 16, generator=generator), "decoder_input_ids": ids}
    if name in ("t5", "mt5"):
        return {"input_ids": ids, "decoder_input_ids": ids}
    return {"input_ids": ids}


def output(model: nn.Module, given: dict[str, Tensor], **settings: Any) -> Tensor:
    """The model's last hidden states, or else its logits or text embeddings."""
    made = model(**given, **settings)
    names = ("last_hidden_state", "logits", "text_embeds")
    return next(made[name] for name in names if name in made)
