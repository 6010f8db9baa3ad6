"""The gate of InA's precursor: its equation, where it sits, what it trains, and runs with it."""

import pytest
import torch
from tiny_models import FAMILIES, prepared, stepped
from torch import nn
from transformers import DebertaV2Config, DebertaV2ForSequenceClassification, DistilBertConfig
from transformers import DistilBertForSequenceClassification as DistilBert

from ina import config, methods
from ina.config import Gate
from ina.precursor import GatedLinear


def gate(sites: str = "query,key", layers: int | None = None) -> Gate:
    overrides = [f"method.sites=[{sites}]", f"method.layers={layers or 'null'}"]
    return config.configured(["method=gate", *overrides]).method


def gated(model: nn.Module) -> dict[str, GatedLinear]:
    return {name: module for name, module in model.named_modules() if isinstance(module, GatedLinear)}


def layer(inhibition: float) -> GatedLinear:
    torch.manual_seed(1)
    made = GatedLinear(nn.Linear(6, 6), inhibition, "gelu", std=0.3).double()
    for bias in (made.inhibit.bias, made.select.bias):
        nn.init.normal_(bias)
    return made


def states(examples: int = 2) -> torch.Tensor:
    return torch.randn(examples, 5, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def transcription(made: GatedLinear, h: torch.Tensor, level: float) -> torch.Tensor:
    """key <- (f(select(f(inhib(h))) - Th) + 1) * key(h), Th = level * max over everything, element by element."""

    def f(x):
        return 0.5 * x * (1 + torch.erf(x / 2**0.5))

    def affine(of, x):
        return x @ of.weight.T + of.bias

    selected = affine(made.select, f(affine(made.inhibit, h)))
    threshold = level * max(selected.flatten().tolist())
    return (f(selected - threshold) + 1) * affine(made.base_layer, h)


@pytest.mark.parametrize("level", [0.0, 0.3, 0.9])
def test_the_gate_computes_the_precursors_equation_and_its_gradients_flow_through_the_maximum(level):
    made = layer(level)
    torch.testing.assert_close(made(states()), transcription(made, states(), level))
    assert torch.autograd.gradcheck(made, (states(1).requires_grad_(),))
    made(states()).sum().backward()
    with_maximum = made.select.weight.grad.clone()
    made.zero_grad()
    transcription(made, states(), level).sum().backward()  # its maximum is a scalar, with a gradient
    assert torch.allclose(made.select.weight.grad, with_maximum) == (level == 0)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("sites", "layers"), [("key", None), ("query", 1), ("query,key", 9)])
def test_gates_are_at_the_chosen_projections_of_the_last_layers(family, layers, sites):
    names = set(gated(prepared(gate(sites, layers), family)[0]))
    assert len(names) == len(sites.split(",")) * (1 if layers == 1 else 2)
    assert all(".layer.1." in name for name in names) == (layers == 1)
    assert {site for site in ("query", "key") for name in names if site in name.split(".")[-1]} == set(sites.split(","))


@pytest.mark.parametrize("family", FAMILIES)
def test_all_weights_are_trained_and_change(family):
    model, params = prepared(gate(), family)
    assert params.trainable == params.total == sum(weight.numel() for weight in model.parameters())
    assert params.adapter == 2 * 2 * 2 * (32 * 32 + 32)
    assert {name for name, _ in model.named_parameters() if ".layer." in name} <= stepped(model)


def test_the_backbones_initialiser_fills_the_gates_from_the_seed():
    one, other = (prepared(gate())[0] for _ in range(2))
    parts = [part for each in gated(one).values() for part in (each.inhibit, each.select)]
    drawn = torch.cat([part.weight.flatten() for part in parts])
    assert drawn.std().item() == pytest.approx(one.config.initializer_range, rel=0.05)
    assert all(not part.bias.any() for part in parts)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_positions_that_share_debertas_projections_pass_without_gate():
    config = DebertaV2Config(
        vocab_size=60, hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64,
        relative_attention=True, position_buckets=4, share_att_key=True, pos_att_type=["p2c", "c2p"],
    )  # fmt: skip
    model = DebertaV2ForSequenceClassification(config).eval()
    methods.prepare(gate(), model, ("classifier",))
    passed = []
    for module in gated(model).values():
        module.register_forward_hook(
            lambda made, given, out: passed.append(torch.equal(out, made.base_layer(given[0])))
        )
    for _ in range(2):
        model(torch.arange(5, 17).view(2, 6))
    assert passed == [False, False, True, True] * 2


def test_other_families_are_refused_by_name():
    model = DistilBert(DistilBertConfig(vocab_size=60, dim=32, n_layers=1, n_heads=4, hidden_dim=64))
    with pytest.raises(ValueError, match="for models of type bert, roberta, deberta, deberta-v2, not 'distilbert'"):
        methods.prepare(gate(), model, ("classifier",))
