"""Which weights train under each method, and how many there are."""

from functools import partial

import pytest
import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn

from ina import methods, models
from ina.config import ConfigError, Full, Ina, Lora, ModelConfig, check, compose
from ina.projections import split_fused_projections, target_modules
from ina.record import Params
from ina.tasks import Head

FAMILIES = ("bert", "roberta", "deberta", "deberta-v2")
PAIR = Head("classification", 2)
SPAN = Head("span", 2)
FULL = Full(kind="full", name="full")
PROJECTIONS = {
    "bert": "attention.self.{}",
    "roberta": "attention.self.{}",
    "deberta": "attention.self.in_proj.{}",
    "deberta-v2": "attention.self.{}_proj",
}


def lora(r=4, sites=("query", "key")) -> Lora:
    return Lora(kind="lora", name="lora", r=r, alpha=16, dropout=0.0, sites=list(sites))


def ina(r=4, sites=("query", "key")) -> Ina:
    settings = dict(scale=None, inhibition=0.3, activation="gelu", threshold="token", detach_threshold=False)
    return Ina(kind="ina", name="ina", r=r, alpha=16, dropout=0.0, sites=list(sites), **settings)


def prepared(method, family="bert", head=PAIR, make=None) -> tuple[nn.Module, Params]:
    given = ModelConfig(name="tiny", label="tiny", tiny=family)
    model = make(given, head) if make else models.load(given, head, seed=1)
    torch.manual_seed(2)
    return methods.prepare(method, model, models.head_modules(given, model), span=head.kind == "span")


def trainable(model: nn.Module) -> set[str]:
    return {name for name, weight in model.named_parameters() if weight.requires_grad}


def stepped(model: nn.Module) -> set[str]:
    """Names of the weights that two optimiser steps change: W_up starts at zero, so W_down moves in the second."""
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0)
    inputs = {"input_ids": torch.arange(5, 29).view(4, 6), "labels": torch.tensor([0, 1, 1, 0])}
    model.eval()
    for _ in range(2):
        model(**inputs).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return {name for name, weight in model.named_parameters() if not torch.equal(weight, before[name])}


@pytest.mark.parametrize("family", FAMILIES)
def test_full_trains_every_weight(family):
    model, params = prepared(FULL, family)
    total = sum(weight.numel() for weight in model.parameters())
    assert trainable(model) == {name for name, _ in model.named_parameters()}
    assert (params.trainable, params.total, params.adapter) == (total, total, 0)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", [lora(), ina()], ids=["lora", "ina"])
@pytest.mark.parametrize("head", [PAIR, SPAN], ids=["pair", "span"])
def test_adapters_train_the_low_rank_paths_and_the_head_and_nothing_else(family, method, head):
    model, params = prepared(method, family, head)
    kind = method.kind
    sites = [PROJECTIONS[family].format(site) for site in ("query", "key")]
    paths = {
        f".layer.{layer}.{site}.{kind}_{factor}.default.weight" for layer in (0, 1) for site in sites for factor in "AB"
    }
    found = {name[name.index(".layer.") :] for name in trainable(model) if ".layer." in name}
    assert found == paths
    parts = {name.split(".modules_to_save")[0].split(".")[-1] for name in trainable(model) if ".layer." not in name}
    classifier = {"pooler", "classifier"} if family.startswith("deberta") else {"classifier"}
    assert parts == ({"qa_outputs"} if head == SPAN else classifier)
    assert params.trainable == params.adapter + params.head


@pytest.mark.parametrize("family", FAMILIES)
def test_lora_and_ina_have_the_same_sites_shapes_and_initial_weights(family):
    as_lora, params_lora = prepared(lora(), family)
    as_ina, params_ina = prepared(ina(), family)
    weights = [
        {name.replace("lora_", "ina_"): weight for name, weight in model.named_parameters() if weight.requires_grad}
        for model in (as_lora, as_ina)
    ]
    assert list(weights[0]) == list(weights[1]) and params_lora == params_ina
    for name in weights[0]:
        assert torch.equal(weights[0][name], weights[1][name]), name


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", [lora(), ina()], ids=["lora", "ina"])
def test_what_trains_moves_and_what_is_frozen_stays(family, method):
    model, _ = prepared(method, family)
    assert stepped(model) == trainable(model)


@pytest.mark.parametrize("kind", [lora, ina])
def test_the_fused_projection_of_deberta_takes_any_of_its_three_parts(kind):
    sites = {
        name.split("in_proj.")[1].split(".")[0]
        for name in trainable(prepared(kind(sites=("key", "value")), "deberta")[0])
        if "in_proj." in name
    }
    assert sites == {"key", "value"}


def test_a_family_whose_other_layers_are_not_known_is_told_apart_from_a_wrong_site():
    with pytest.raises(ValueError, match="known for bert, deberta, deberta-v2, roberta, not for distilbert"):
        target_modules("distilbert", ("all",))


def test_the_split_projection_computes_and_shows_what_the_fused_one_does():
    attention = models.load(ModelConfig(name="t", label="t", tiny="deberta"), PAIR, seed=1).base_model.encoder.layer[0]
    fused = attention.attention.self.in_proj
    split = split_fused_projections(attention).attention.self.in_proj
    x = torch.randn(2, 3, fused.in_features)
    assert torch.equal(split.weight, fused.weight)
    torch.testing.assert_close(split(x), fused(x))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kind", [lora, ina])
def test_all_sites_are_every_linear_layer_of_the_encoder_and_none_of_the_head(family, kind):
    model, _ = prepared(kind(sites=("all",)), family)
    adapted = {name for name, module in model.named_modules() if isinstance(module, BaseTunerLayer)}
    bare = {
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and not name.endswith(".base_layer") and ".default" not in name
    }
    assert len(adapted) == 2 * (8 if family == "deberta" else 6)  # two layers; DeBERTa v2's share the position ones
    assert all(".encoder.layer." in name for name in adapted)
    assert not any(".encoder." in name for name in bare)
    assert stepped(model) == trainable(model)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", [FULL, lora(), ina()], ids=["full", "lora", "ina"])
def test_a_prepared_model_starts_as_the_pre_trained_one(family, method):
    ids = torch.arange(5, 17).view(2, 6)
    base = models.load(ModelConfig(name="tiny", label="tiny", tiny=family), PAIR, seed=1).eval()
    expected = base(ids).logits
    torch.testing.assert_close(prepared(method, family)[0].eval()(ids).logits, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "method", [FULL, lora(), ina(r=2, sites=("query", "key", "value"))], ids=lambda each: each.name
)
@pytest.mark.parametrize("head", [PAIR, SPAN], ids=["pair", "span"])
def test_weights_are_counted_alike_with_and_without_their_numbers(family, method, head):
    assert (
        prepared(method, family, head, make=partial(models.untrained, device="meta"))[1]
        == prepared(method, family, head)[1]
    )


def test_the_head_is_counted_once_though_peft_keeps_a_frozen_copy():
    assert prepared(ina())[1].head == 2 * 32 + 2
    assert prepared(ina(), "deberta")[1].head == (32 * 32 + 32) + (2 * 32 + 2)
    assert prepared(ina(), "roberta")[1].head == (32 * 32 + 32) + (2 * 32 + 2)


# 24 layers of width 1024: the shapes in the released logs (inhibited-lora@7e40a8a, batch/InA_GLUE_*.out, LoRA-LM)
@pytest.mark.parametrize(
    ("r", "sites", "adapter"),
    [
        (4, ("query", "key", "value"), 589_824),
        (8, ("query", "key", "value"), 1_179_648),
        (8, ("query", "key"), 786_432),
    ],
)
@pytest.mark.parametrize("hub", ["google-bert/bert-large-cased", "microsoft/deberta-large"])
def test_adapters_of_the_large_models_have_the_size_of_the_released_ones(hub, r, sites, adapter):
    given = ModelConfig(name="large", label="large", hub=hub, revision="0" * 40)
    for method in (lora(r, sites), ina(r, sites)):
        model = models.untrained(given, PAIR, "meta")
        _, params = methods.prepare(method, model, models.head_modules(given, model), span=False)
        assert params.adapter == adapter
        assert (
            params.total
            == sum(weight.numel() for weight in models.untrained(given, PAIR, "meta").parameters()) + adapter
        )


# trained weights at a site of width 32 of the tiny models, which have two layers, and the number of sites
@pytest.mark.parametrize(("name", "weights"), [("dora", 8 * (32 + 32) + 32), ("ia3", 32), ("vera", 256 + 32)])
@pytest.mark.parametrize("family", FAMILIES)
def test_another_method_of_peft_is_a_file_that_names_its_config_class(name, weights, family):
    method = check(compose(["model=tiny_bert", f"method={name}"])).method
    model, params = prepared(method, family)
    assert params.adapter == 2 * 2 * weights
    assert params.head == prepared(lora(), family)[1].head
    assert params.trainable == params.adapter + params.head
    assert stepped(model) == trainable(model)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("method.config=DoraConfig", "peft has no such config class"),
        ("method.config=get_peft_model", "peft has no such config class"),
        ("+method.arguments.rank=4", "arguments of LoraConfig: .*'rank'"),
        ("method.sites=[query,query]", "name each projection once"),
    ],
)
def test_a_config_class_or_argument_that_peft_does_not_have_is_told(changed, told):
    with pytest.raises(ConfigError, match=told):
        check(compose(["method=dora", changed]))


def test_a_method_of_an_unknown_kind_is_refused_and_not_trained_as_another():
    method = ModelConfig(name="tiny", label="tiny", tiny="bert")  # settings, but not those of a method
    with pytest.raises(TypeError, match="unknown kind of method ModelConfig; there are Full, Gate, Lora, Ina and Peft"):
        prepared(method)
