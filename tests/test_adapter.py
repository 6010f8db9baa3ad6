"""The InA layer is the equation of the paper, and LoRA where the equation says so."""

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DebertaConfig,
    DebertaForSequenceClassification,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from ina import InaConfig
from ina.adapter import InaLinear
from ina.adapter.gate import ACTIVATIONS, InhibitionGate
from ina.adapter.sites import target_modules

SMALL = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, vocab_size=99)
SMALL["initializer_range"] = 0.4  # attention far from uniform, so that changes of query and key show in the output
RELATIVE = dict(relative_attention=True, pos_att_type=["c2p", "p2c"], max_relative_positions=16)
FAMILIES = {
    "bert": lambda: BertForSequenceClassification(BertConfig(**SMALL)),
    "roberta": lambda: RobertaForSequenceClassification(RobertaConfig(**SMALL)),
    "deberta-v2": lambda: DebertaV2ForSequenceClassification(DebertaV2Config(**SMALL, **RELATIVE, share_att_key=True)),
    "deberta": lambda: DebertaForSequenceClassification(DebertaConfig(**SMALL, **RELATIVE)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SMALL, num_key_value_heads=2)),
}


def build(family: str) -> nn.Module:
    torch.manual_seed(0)
    return FAMILIES[family]().eval()


def adapt(model: nn.Module, **settings) -> nn.Module:
    torch.manual_seed(1)
    return get_peft_model(model, InaConfig(**settings)).eval()


def tokens() -> torch.Tensor:
    return torch.randint(2, 99, (3, 7), generator=torch.Generator().manual_seed(2))


def transcription(h, w, w_down, w_up, s, inhibition, f, threshold="token", detach=False):
    """The paper's equation in plain torch, written from the text: H_o + s f(H W_down - Th) W_up."""
    z = h @ w_down
    th = inhibition * (z.amax(dim=-1, keepdim=True) if threshold == "token" else torch.max(z))
    th = th.detach() if detach else th
    act = {
        "gelu": lambda t: t * 0.5 * (1 + torch.erf(t / 2**0.5)),
        "leaky_relu": lambda t: torch.where(t > 0, t, 0.01 * t),
        "relu": lambda t: t.clamp(min=0),
        "elu": lambda t: torch.where(t > 0, t, torch.exp(t.clamp(max=0)) - 1),
        "selu": lambda t: (
            1.0507009873554805 * torch.where(t > 0, t, 1.6732632423543772 * (torch.exp(t.clamp(max=0)) - 1))
        ),
        "silu": lambda t: t / (1 + torch.exp(-t)),
        "tanh": lambda t: (torch.exp(t) - torch.exp(-t)) / (torch.exp(t) + torch.exp(-t)),
        "identity": lambda t: t,
    }[f]
    return h @ w + s * act(z - th) @ w_up


@pytest.mark.parametrize("dtype, tolerance", [(torch.float64, 1e-10), (torch.bfloat16, 5e-2)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("threshold, detach", [("token", False), ("token", True), ("tensor", False), ("tensor", True)])
def test_layer_equals_the_equation_in_values_and_gradients(activation, threshold, detach, dtype, tolerance):
    torch.manual_seed(0)
    config = InaConfig(
        r=4, alpha=8, inhibition=0.3, activation=activation, threshold=threshold, detach_threshold=detach,
        init_weights=False, target_modules=["0"],
    )  # fmt: skip
    layer = InaLinear(nn.Linear(16, 12, bias=False).to(dtype), "default", config)
    h = torch.randn(2, 5, 16, dtype=dtype, requires_grad=True)
    down, up = layer.ina_A["default"].weight, layer.ina_B["default"].weight
    upstream = torch.randn(2, 5, 12).to(dtype)

    reference = [t.detach().double().requires_grad_() for t in (h, down, up)]
    expected = transcription(
        reference[0], layer.base_layer.weight.detach().double().T, reference[1].T, reference[2].T,
        2.0, 0.3, activation, threshold, detach,
    )  # fmt: skip
    expected.backward(upstream.double())
    got = layer(h)
    got.backward(upstream)

    torch.testing.assert_close(got.double(), expected, atol=tolerance, rtol=tolerance)
    if dtype == torch.float64:  # in bf16 the position of the maximum itself may differ from the float64 reference
        for ours, theirs in zip((h, down, up), reference, strict=True):
            torch.testing.assert_close(ours.grad.double(), theirs.grad, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_bf16_gradients_equal_those_of_the_equation_to_the_precision_of_bf16(activation):
    torch.manual_seed(0)
    config = InaConfig(r=4, alpha=8, activation=activation, init_weights=False, target_modules=["0"])
    layer = InaLinear(nn.Linear(16, 12, bias=False).bfloat16(), "default", config)
    h = torch.randn(2, 5, 16).bfloat16()
    down, up = layer.ina_A["default"].weight, layer.ina_B["default"].weight
    states, *leaves = (t.detach().double().requires_grad_() for t in (h, down, up))
    first, second = (states @ leaves[0].T).topk(2).values.unbind(-1)
    assert (first - second > 0.1 * first.abs()).all()  # so rounding cannot change the position of a maximum
    base = layer.base_layer.weight.detach().double().T
    transcription(states, base, leaves[0].T, leaves[1].T, 2.0, 0.3, activation).sum().backward()
    layer(h).sum().backward()
    for ours, theirs in zip((down, up), leaves, strict=True):
        tolerance = 4 * torch.finfo(torch.bfloat16).eps * theirs.grad.abs().max().item()
        torch.testing.assert_close(ours.grad.double(), theirs.grad, atol=tolerance, rtol=0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_share_of_the_threshold_is_not_rounded_to_the_format_of_the_numbers(dtype):
    """0.3 in bfloat16 is 0.3008; the peak times it differs by up to one unit in the last place."""
    z = torch.randn(4000, 4, generator=torch.Generator().manual_seed(0)).to(dtype)
    got = InhibitionGate(0.3, "identity", "token", False)(z)
    peak = z.max(dim=-1, keepdim=True).values
    assert torch.equal(got, z - (peak.double() * 0.3).to(dtype))


@pytest.mark.parametrize("threshold", ["token", "tensor"])
def test_no_tokens_are_no_error(threshold):
    config = InaConfig(threshold=threshold, target_modules=["0"])
    layer = InaLinear(nn.Linear(16, 12), "default", config)
    layer(torch.empty(0, 16)).sum().backward()
    assert layer(torch.empty(2, 0, 16)).shape == (2, 0, 12)


@pytest.mark.parametrize("rank", [1, 2, 3, 8, 16])
def test_without_threshold_and_activation_it_is_lora_apart_from_rounding(rank):
    # in float64, where rounding (2e-16 a product) cannot hide a difference: LoRA's and InA's kernels need not agree
    lora = get_peft_model(
        build("bert"), LoraConfig(r=rank, lora_alpha=16, target_modules=["query", "key"], init_lora_weights=False)
    )
    ina = adapt(build("bert"), r=rank, alpha=16, inhibition=0.0, activation="identity", init_weights=False)
    weights = {name.replace("lora_", "ina_"): value for name, value in lora.state_dict().items()}
    ina.load_state_dict(weights)
    for model in (lora, ina):
        model.double().eval()
    ids = tokens()
    torch.testing.assert_close(lora(ids).logits, ina(ids).logits, rtol=1e-12, atol=1e-12)
    for model in (lora, ina):
        model(ids).logits.sum().backward()
    lora_grads = {n.replace("lora_", "ina_"): p.grad for n, p in lora.named_parameters() if p.grad is not None}
    ina_grads = {n: p.grad for n, p in ina.named_parameters() if p.grad is not None}
    assert lora_grads.keys() == ina_grads.keys() != set()
    for name, gradient in ina_grads.items():
        torch.testing.assert_close(gradient, lora_grads[name], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("family", FAMILIES)
def test_at_initialisation_the_model_is_the_base_model(family):
    ids = tokens()
    base = build(family).double()
    expected = base(ids).logits
    torch.testing.assert_close(adapt(base, inhibition=0.3)(ids).logits, expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_default_sites_are_query_and_key_of_every_layer(family):
    model = adapt(build(family))
    sites = [
        f"{name}.{part}" if part else name
        for name, module in model.named_modules()
        if isinstance(module, InaLinear)
        for part in module.parts["default"] or ("",)
    ]
    assert {site.split(".")[-1] for site in sites} == {name.split(".")[-1] for name in target_modules(family)}
    assert len(sites) == 2 * 2


def projections(model, ids):
    """Query, key and value inputs to the attention of DeBERTa v1's first layer, (batch, tokens, heads, d_head) each."""
    captured = {}
    layer = model.get_submodule("deberta.encoder.layer.0.attention.self.in_proj")
    handle = layer.register_forward_hook(lambda _, __, out: captured.update(fused=out))
    model(ids)
    handle.remove()
    return captured["fused"].unflatten(-1, (4, 3, -1)).unbind(-2)


def test_deberta_v1_adapts_query_and_key_and_leaves_value_untouched():
    ids = tokens()
    base = build("deberta").double()
    before = projections(base, ids)
    adapted = adapt(base, init_weights=False)
    after = projections(adapted.base_model.model, ids)
    assert not torch.allclose(before[0], after[0], atol=1e-3)
    assert not torch.allclose(before[1], after[1], atol=1e-3)
    torch.testing.assert_close(before[2], after[2])


@pytest.mark.parametrize(
    "settings, told",
    [
        (dict(r=0), "`r` should be a positive integer, not 0"),
        (dict(r=2.5), "`r` should be a positive integer, not 2.5"),
        (dict(r=8.0), "`r` should be a positive integer, not 8.0"),
        (dict(inhibition=1.5), r"`inhibition` should lie in \[0, 1\], not 1.5"),
        (dict(inhibition=float("nan")), r"`inhibition` should lie in \[0, 1\], not nan"),
        (dict(alpha=0), "`alpha` should be a positive number, not 0"),
        (dict(dropout=1.0), r"`dropout` should lie in \[0, 1\), not 1.0"),
        (dict(activation="gulu"), "`activation` should be one of gelu, .*, not 'gulu'"),
        (dict(threshold="layer"), "`threshold` should be one of token, tensor, not 'layer'"),
        (dict(scale="big"), "`scale` should be a number or None"),
        (dict(r=0, inhibition=-1), "`r` should be .*; `inhibition` should lie"),
    ],
)
def test_wrong_settings_are_refused_with_their_value(settings, told):
    with pytest.raises(ValueError, match=told):
        InaConfig(**settings)


@pytest.mark.parametrize("module", [nn.Embedding(4, 4), nn.Conv2d(4, 4, 1)])
def test_other_modules_than_linear_are_refused(module):
    with pytest.raises(ValueError, match=f"'0' is a {type(module).__name__}; leave it out"):
        adapt(nn.Sequential(module), target_modules=["0"])


def test_an_unknown_family_needs_target_modules():
    with pytest.raises(ValueError, match="no query and key projections are known for model type 'custom'"):
        adapt(nn.Sequential(nn.Linear(4, 4)))
