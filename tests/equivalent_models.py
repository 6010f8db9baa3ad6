"""One function, four architectures: a BERT's weights in a RoBERTa, a DeBERTa-v2 and a DeBERTa, which compute the same.

What BERT and its relatives compute differs in their heads' layout, in where positions start, in DeBERTa's fused
projection, in its missing key bias (which no softmax over keys can feel), and in relative attention, which is off here.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor
from transformers import (
    BertForSequenceClassification,
    DebertaConfig,
    DebertaForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    PreTrainedModel,
    RobertaConfig,
    RobertaForSequenceClassification,
)

SHAPE = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act", "vocab_size",
    "type_vocab_size", "layer_norm_eps", "hidden_dropout_prob", "attention_probs_dropout_prob", "num_labels",
)  # fmt: skip


def equivalent_models(bert: BertForSequenceClassification) -> dict[str, PreTrainedModel]:
    """Models of every family, `bert` included, that compute the same as `bert`."""
    return {"bert": bert, "roberta": _roberta(bert), "deberta-v2": _deberta_v2(bert), "deberta": _deberta(bert)}


def _roberta(bert: BertForSequenceClassification) -> RobertaForSequenceClassification:
    positions = bert.config.max_position_embeddings + 1  # RoBERTa's positions start after that of padding
    config = RobertaConfig(**_shape(bert), pad_token_id=0, max_position_embeddings=positions)
    weights = {
        name.replace("bert.pooler.", "classifier.")
        if "pooler" in name
        else re.sub(r"^classifier\.", "classifier.out_proj.", name.replace("bert.", "roberta.")): weight
        for name, weight in bert.state_dict().items()
    }
    table = "roberta.embeddings.position_embeddings.weight"
    weights[table] = torch.cat([torch.zeros_like(weights[table][:1]), weights[table]])
    return _filled(RobertaForSequenceClassification(config), weights)


def _deberta_v2(bert: BertForSequenceClassification) -> DebertaV2ForSequenceClassification:
    config = DebertaV2Config(**_shape(bert), relative_attention=False, pooler_hidden_act="tanh")
    weights = {re.sub(r"self\.(query|key|value)\.", r"self.\1_proj.", name): w for name, w in _named(bert).items()}
    return _filled(DebertaV2ForSequenceClassification(config), weights)


def _deberta(bert: BertForSequenceClassification) -> DebertaForSequenceClassification:
    config = DebertaConfig(**_shape(bert), relative_attention=False, pooler_hidden_act="tanh")
    heads = bert.config.num_attention_heads
    weights = _named(bert)
    for layer in range(bert.config.num_hidden_layers):
        self_attention = f"deberta.encoder.layer.{layer}.attention.self."
        parts = {
            part: (weights.pop(f"{self_attention}{part}.weight"), weights.pop(f"{self_attention}{part}.bias"))
            for part in ("query", "key", "value")
        }
        by_head = [weight.unflatten(0, (heads, -1)) for weight, _ in parts.values()]
        weights[f"{self_attention}in_proj.weight"] = torch.stack(by_head, dim=1).flatten(0, 2)
        weights[f"{self_attention}q_bias"] = parts["query"][1]
        weights[f"{self_attention}v_bias"] = parts["value"][1]
    return _filled(DebertaForSequenceClassification(config), weights)


def _shape(bert: BertForSequenceClassification) -> dict:
    return {name: getattr(bert.config, name) for name in SHAPE}


def _named(bert: BertForSequenceClassification) -> dict[str, Tensor]:
    """Weights by the names that both DeBERTas have in common."""
    return {
        name.removeprefix("bert.") if "pooler" in name else name.replace("bert.", "deberta."): weight.clone()
        for name, weight in bert.state_dict().items()
    }


def _filled(model: PreTrainedModel, weights: dict[str, Tensor]) -> PreTrainedModel:
    expected = model.state_dict()
    model.load_state_dict({name: weight for name, weight in weights.items() if name in expected}, strict=True)
    return model
