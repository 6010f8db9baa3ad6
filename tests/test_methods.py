"""Which weights train under each method, and how many there are."""

from functools import partial

import pytest
import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from tiny_models import FAMILIES, LOAD, PAIR, SPAN, prepared, stepped, tiny_config
from torch import nn

from ina import methods, models
from ina.config import ModelConfig, configured
from ina.projections import split_fused_projections
from ina.record import Params

PROJECTIONS = {
    "bert": "attention.self.{}",
    "roberta": "attention.self.{}",
    "deberta": "attention.self.in_proj.split_{}",
    "deberta-v2": "attention.self.{}_proj",
}
over_families = pytest.mark.parametrize("family", FAMILIES)
over_adapters = pytest.mark.parametrize("name", ["lora", "ina"])
over_heads = pytest.mark.parametrize("head", [PAIR, SPAN], ids=["pair", "span"])


def method(name: str, *overrides: str):
    return configured([f"method={name}", *overrides]).method


def trainable(model: nn.Module) -> set[str]:
    return {name for name, weight in model.named_parameters() if weight.requires_grad}


@over_families
@over_adapters
@over_heads
def test_adapters_train_the_low_rank_paths_and_the_head_and_nothing_else(family, name, head):
    model, params = prepared(method(name, "method.r=4"), family, head)
    sites = [PROJECTIONS[family].format(site) for site in ("query", "key")]
    paths = {
        f".layer.{layer}.{site}.{name}_{factor}.default.weight" for layer in (0, 1) for site in sites for factor in "AB"
    }
    found = trainable(model)
    assert {weight[weight.index(".layer.") :] for weight in found if ".layer." in weight} == paths
    parts = {weight.split(".modules_to_save")[0].split(".")[-1] for weight in found if ".layer." not in weight}
    classifier = {"pooler", "classifier"} if family.startswith("deberta") else {"classifier"}
    assert parts == ({"qa_outputs"} if head == SPAN else classifier)
    assert params.adapter == 2 * 2 * 4 * (32 + 32)
    # PEFT keeps a frozen copy of the head, which does not count
    assert params.head == (2 * 32 + 2) + (0 if head == SPAN or family == "bert" else 32 * 32 + 32)
    assert params.trainable == params.adapter + params.head


@over_families
def test_lora_and_ina_have_the_same_sites_shapes_scales_and_initial_weights(family):
    (as_lora, params_lora), (as_ina, params_ina) = (prepared(method(name), family) for name in ("lora", "ina"))
    weights = [
        {name.replace("lora_", "ina_"): weight for name, weight in model.named_parameters() if weight.requires_grad}
        for model in (as_lora, as_ina)
    ]
    assert list(weights[0]) == list(weights[1]) and params_lora == params_ina
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    for model, dropout in ((as_lora, "lora_dropout"), (as_ina, "ina_dropout")):
        layers = [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
        assert {(layer.scaling["default"], getattr(layer, dropout)["default"].p) for layer in layers} == {(2.0, 0.1)}


@over_families
@pytest.mark.parametrize("name", ["full", "head", "lora", "ina"])
def test_a_prepared_model_starts_as_the_pre_trained_one_and_what_trains_moves(family, name):
    ids = torch.arange(5, 17).view(2, 6)
    expected = LOAD(tiny_config(family), PAIR).eval()(ids).logits
    model, params = prepared(method(name), family)
    if name == "full":
        total = model.num_parameters()
        assert params == Params(adapter=0, head=params.head, trainable=total, total=total)
    if name == "head":
        assert params == Params(adapter=0, head=params.head, trainable=params.head, total=model.num_parameters())
    torch.testing.assert_close(model.eval()(ids).logits, expected, rtol=0, atol=1e-6)
    unused = {f"{family}.embeddings.position_embeddings.weight", "roberta.embeddings.token_type_embeddings.weight"}
    assert trainable(model) - unused <= stepped(model) <= trainable(model)


@over_adapters
def test_an_adapter_reads_segment_ids_on_squad_unless_the_run_leaves_them_out(name):
    ids, segments = torch.arange(5, 17).view(2, 6), torch.tensor([[0, 0, 1, 1, 1, 1]] * 2)
    bare = LOAD(tiny_config("bert"), SPAN).eval()
    logits = {}
    for read in ("true", "false"):
        cfg = configured([f"method={name}", "task=squad_v1", f"train.adapter_segment_ids={read}"])
        model, _ = methods.prepare(cfg.method, LOAD(tiny_config("bert"), SPAN), ("qa_outputs",), methods.task_type(cfg))
        logits[read] = model.eval()(ids, token_type_ids=segments).start_logits
    torch.testing.assert_close(logits["true"], bare(ids, token_type_ids=segments).start_logits, rtol=0, atol=1e-6)
    torch.testing.assert_close(logits["false"], bare(ids).start_logits, rtol=0, atol=1e-6)
    assert not torch.allclose(*logits.values(), atol=1e-3)


@over_families
@over_adapters
def test_all_sites_are_every_linear_layer_of_the_encoder_and_none_of_the_head(family, name):
    model, _ = prepared(method(name, "method.sites=[all]"), family)
    adapted = {site for site, module in model.named_modules() if isinstance(module, BaseTunerLayer)}
    bare = {
        site
        for site, module in model.named_modules()
        if isinstance(module, nn.Linear) and not site.endswith(".base_layer") and ".default" not in site
    }
    assert len(adapted) == 2 * (8 if family == "deberta" else 6)  # two layers; DeBERTa v2's share the position ones
    assert all(".encoder.layer." in site for site in adapted)
    assert not any(".encoder." in site for site in bare)
    assert stepped(model) == trainable(model)


def test_every_setting_of_the_gate_reaches_the_adapter():
    chosen = dict(inhibition=0.9, activation="leaky_relu", threshold="tensor", detach_threshold=True, scale=0.5)
    made = methods.peft_config(method("ina", *(f"method.{name}={value}" for name, value in chosen.items())))
    assert {name: getattr(made, name) for name in chosen} == chosen


def test_the_split_projection_of_deberta_has_the_parts_that_its_attention_takes():
    attention = LOAD(tiny_config("deberta"), PAIR).base_model.encoder.layer[0].attention.self
    fused, x = attention.in_proj, torch.randn(2, 3, 32)
    expected = attention.transpose_for_scores(fused(x)).chunk(3, dim=-1)
    split = split_fused_projections(attention).in_proj
    torch.testing.assert_close(split(x), fused(x))
    for part, heads in zip((split.split_query, split.split_key, split.split_value), expected, strict=True):
        torch.testing.assert_close(attention.transpose_for_scores(part(x)), heads)


@over_families
@pytest.mark.parametrize("name", ["full", "ina"])
@over_heads
def test_weights_are_counted_on_the_meta_device_as_in_a_real_model(family, name, head):
    on_meta = prepared(method(name), family, head, partial(models.untrained, device="meta"))[1]
    assert on_meta == prepared(method(name), family, head)[1]


# 24 layers of width 1024: the shapes in the released logs (inhibited-lora@7e40a8a, batch/InA_GLUE_*.out, LoRA-LM), and
# two d × d + bias layers for each projection with the precursor's gate
@pytest.mark.parametrize(
    ("name", "changed", "adapter"),
    [
        ("ina", ["method.r=4", "method.sites=[query,key,value]"], 589_824),
        ("ina", ["method.r=8", "method.sites=[query,key]"], 786_432),
        ("gate", ["method.layers=null", "method.sites=[key]"], 50_380_800),
        ("gate", ["method.layers=null", "method.sites=[query,key]"], 100_761_600),
    ],
)
@pytest.mark.parametrize("hub", ["google-bert/bert-large-cased", "microsoft/deberta-large"])
def test_adapters_and_gates_of_the_large_models_have_the_published_sizes(hub, name, changed, adapter):
    given = ModelConfig(name="large", label="large", hub=hub, revision="0" * 40)
    model = models.untrained(given, PAIR, "meta")
    total = model.num_parameters()
    _, params = methods.prepare(method(name, *changed), model, models.head_modules(given, model))
    assert (params.adapter, params.total) == (adapter, total + adapter)


# trained weights at a site of width 32 of the tiny models, which have two layers, and the number of sites
@pytest.mark.parametrize(("name", "weights"), [("dora", 8 * (32 + 32) + 32), ("ia3", 32), ("vera", 256 + 32)])
@over_families
def test_another_method_of_peft_is_a_file_that_names_its_config_class(name, weights, family):
    model, params = prepared(method(name), family)
    assert params.adapter == 2 * 2 * weights
    assert params.trainable == params.adapter + params.head
    assert stepped(model) == trainable(model)
