"""The InA layer is the equation of the paper, and LoRA where the equation says so."""

import re
from pathlib import Path

import pytest
import torch
from families import build, inputs, output
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import LlamaForCausalLM, MambaConfig, MambaForCausalLM, PretrainedConfig

from ina import InaConfig
from ina.adapter import InaLinear
from ina.adapter.gate import ACTIVATIONS, InhibitionGate

GATES = [("token", False), ("token", True), ("tensor", False), ("tensor", True)]


def layer(dtype: torch.dtype = torch.float32, **settings) -> InaLinear:
    torch.manual_seed(0)
    config = InaConfig(**dict(r=4, alpha=8, init_weights=False, target_modules=["0"]) | settings)
    return InaLinear(nn.Linear(16, 12, bias=False).to(dtype), "default", config)


def transcription(h, w, w_down, w_up, s, inhibition, f, threshold, detach):
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


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("dtype", "places", "threshold", "detach"),
    [*((torch.float64, 1e-10, *gate) for gate in GATES), (torch.bfloat16, 4 * 2**-7, "token", False)],
)
def test_layer_equals_the_equation_in_values_and_gradients(activation, dtype, places, threshold, detach):
    made = layer(dtype, activation=activation, threshold=threshold, detach_threshold=detach)
    h = torch.randn(2, 5, 16).to(dtype).requires_grad_()
    ours = [h, made.ina_A["default"].weight, made.ina_B["default"].weight]
    theirs = [tensor.detach().double().requires_grad_() for tensor in ours]
    base, (states, down, up) = made.base_layer.weight.detach().double(), theirs
    first, second = (states @ down.T).topk(2).values.unbind(-1)
    assert dtype != torch.bfloat16 or (first - second > 0.1 * first.abs()).all()  # rounding keeps the maximum in place
    expected = transcription(states, base.T, down.T, up.T, 2.0, 0.3, activation, threshold, detach)
    expected.sum().backward()
    got = made(h)
    got.sum().backward()
    pairs = [(got, expected), *((one.grad, other.grad) for one, other in zip(ours, theirs, strict=True))]
    for found, wanted in pairs:
        torch.testing.assert_close(found.double(), wanted, atol=places * wanted.abs().max().item(), rtol=0)


def test_the_layer_in_the_docs_is_the_default_layer():
    page = (Path(__file__).parent.parent / "docs" / "method.md").read_text()
    [code] = [block for block in re.findall(r"```python\n(.*?)```", page, re.S) if "class InaLinear" in block]
    exec(code, shown := {})
    made, h = layer(r=8, alpha=16), torch.randn(2, 5, 16)
    plain = shown["InaLinear"](made.base_layer)
    assert not plain.up.weight.any()
    plain.down.weight, plain.up.weight = made.ina_A["default"].weight, made.ina_B["default"].weight
    torch.testing.assert_close(plain(h), made(h))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_inhibition_is_not_rounded_to_the_dtype_of_the_states(dtype):
    """In bfloat16 0.3 is 0.3008; with this, thresholds would differ by up to one unit in the last place."""
    z = torch.randn(4000, 4, generator=torch.Generator().manual_seed(0)).to(dtype)
    got = InhibitionGate(0.3, "identity", "token", False)(z)
    peak = z.max(dim=-1, keepdim=True).values
    assert torch.equal(got, z - (peak.double() * 0.3).to(dtype))


@pytest.mark.parametrize("threshold", ["token", "tensor"])
def test_an_empty_batch_and_a_single_vector_are_valid_inputs(threshold):
    made = layer(threshold=threshold)
    made(torch.empty(0, 16)).sum().backward()
    assert made(torch.empty(2, 0, 16)).shape == (2, 0, 12)
    x = torch.randn(16)
    torch.testing.assert_close(made(x), made(x[None, :])[0])


def test_dropout_is_on_the_input_of_the_low_rank_path_alone():
    made, x = layer(dropout=0.5).train(), torch.randn(2, 5, 16)
    torch.manual_seed(4)
    dropped = nn.functional.dropout(x, 0.5)
    torch.manual_seed(4)
    found = made(x) - made.base_layer(x)
    made.eval()
    torch.testing.assert_close(found, made(dropped) - made.base_layer(dropped))
    assert not torch.allclose(found, made(x) - made.base_layer(x), atol=1e-3)


@pytest.mark.parametrize("rank", [1, 3, 16])
def test_without_threshold_and_activation_it_is_lora_apart_from_rounding(rank):
    # in float64, because LoRA's and InA's kernels may round differently
    common = dict(r=rank, target_modules=["query", "key"])
    lora = get_peft_model(build("bert"), LoraConfig(lora_alpha=16, init_lora_weights=False, **common))
    ina = get_peft_model(build("bert"), InaConfig(alpha=16, inhibition=0.0, activation="identity", **common))
    ina.load_state_dict({name.replace("lora_", "ina_"): value for name, value in lora.state_dict().items()})
    found = [output(model.double().eval(), inputs("bert")) for model in (lora, ina)]
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


# --- what training does to the layer


@pytest.mark.parametrize(("threshold", "detach", "autocast"), [("token", False, False), ("tensor", True, True)])
def test_the_layer_compiles_into_one_graph_forward_and_backward_and_computes_the_same(threshold, detach, autocast):
    made = layer(threshold=threshold, detach_threshold=detach)
    compiled = torch.compile(made, fullgraph=True, backend="aot_eager")
    tolerance = dict(rtol=2e-2, atol=2e-2) if autocast else dict(rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(passed(compiled, made, autocast), passed(made, made, autocast), **tolerance)


def passed(way, made: InaLinear, autocast: bool) -> list[torch.Tensor]:
    """The output of a way to call the layer, for seeded states, and the gradients of its weights."""
    torch.manual_seed(3)
    x = torch.randn(2, 5, 16)
    made.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        out = way(x)
    out.float().square().sum().backward()
    return [out.detach(), *(weight.grad.clone() for weight in made.parameters() if weight.requires_grad)]


def test_the_gate_keeps_its_input_and_output_once_and_nothing_else_for_the_backward_pass():
    def kept_bytes(config) -> int:
        sizes = {}
        model = get_peft_model(nn.Sequential(nn.Linear(64, 64)), config)
        weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}

        def keep(tensor):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                sizes[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            kept = model(torch.randn(32, 16, 64, requires_grad=True))  # noqa: F841 - its storages are not used again
        return sum(sizes.values())

    components = 32 * 16 * 8 * 4
    positions = 32 * 16 * 8  # of the maxima, int64
    settings = dict(r=8, target_modules=["0"])
    assert kept_bytes(InaConfig(**settings)) <= kept_bytes(LoraConfig(**settings)) + components + positions


# --- settings


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (dict(r=0), "`r` should be a positive integer, not 0"),
        (dict(r=8.0), "`r` should be a positive integer, not 8.0"),
        (dict(rank_pattern={"key": 0}), r"`rank_pattern\['key'\]` should be a positive integer, not 0"),
        (dict(alpha=0), "`alpha` should be a positive number, not 0"),
        (dict(alpha_pattern={"key": "a"}), r"`alpha_pattern\['key'\]` should be a positive number, not 'a'"),
        (dict(scale="big"), "`scale` should be a number or None"),
        (dict(scale=1.0, use_rslora=True), "leave out `use_rslora` and `alpha_pattern`"),
        (dict(inhibition=1.5), r"`inhibition` should lie in \[0, 1\], not 1.5"),
        (dict(inhibition=float("nan")), r"`inhibition` should lie in \[0, 1\], not nan"),
        (dict(inhibition=1, r=1), "`inhibition` should be below 1 with rank 1 or relu: .* nothing would train"),
        (dict(inhibition=1, rank_pattern={"key": 1}), "`inhibition` should be below 1 with rank 1"),
        (dict(inhibition=1.0, activation="relu"), "`inhibition` should be below 1 with rank 1 or relu"),
        (dict(dropout=1.0), r"`dropout` should lie in \[0, 1\), not 1.0"),
        (dict(activation="gulu"), "`activation` should be one of gelu, .*, not 'gulu'"),
        (dict(activation=["gelu"]), r"`activation` should be one of gelu, .*, not \['gelu'\]"),
        (dict(use_rslora="false"), "`use_rslora` should be True or False, not 'false'"),
        (dict(detach_threshold=1), "`detach_threshold` should be True or False, not 1"),
        (dict(init_weights="gaussian"), "`init_weights` should be True or False, not 'gaussian'"),
        (dict(rank_pattern=[4]), r"`rank_pattern` should map names of modules to numbers, not be \[4\]"),
        (dict(target_modules=5), "`target_modules` should be a list of names or a regular expression, not 5"),
        (dict(target_modules=[["a"]]), r"`target_modules` should be a list of names or .*, not \[\['a'\]\]"),
        (dict(exclude_modules="("), r"`exclude_modules` should be .* a regular expression, not '\(': missing"),
        (dict(modules_to_save="pooler"), "`modules_to_save` should be a list of names, not 'pooler'"),
        (dict(layers_to_transform=True), "`layers_to_transform` should be the number of a layer or .*, not True"),
        (dict(threshold="tensor", task_type="CAUSAL_LM"), "`threshold` should be 'token' for CAUSAL_LM"),
        (dict(threshold="layer"), "`threshold` should be one of token, tensor, not 'layer'"),
        (dict(bias="lora_only"), "`bias` should be one of none, all, ina_only, not 'lora_only'"),
        (dict(layers_to_transform=[0], target_modules="all-linear"), "a list of `target_modules`, not 'all-linear'"),
        (dict(layers_pattern="layer"), "`layers_pattern` needs `layers_to_transform`"),
        (dict(r=0, inhibition=-1), "`r` should be .*; `inhibition` should lie"),
    ],
)
def test_wrong_settings_are_refused_with_their_value(settings, told):
    with pytest.raises(ValueError, match=told):
        InaConfig(**settings)


def test_layers_cannot_be_numbered_where_the_familys_targets_are_a_regular_expression():
    with pytest.raises(ValueError, match=r"needs a list of `target_modules`, not '\.\*language_model"):
        get_peft_model(build("gemma3"), InaConfig(layers_to_transform=[0]))


@pytest.mark.parametrize("module", [nn.Embedding(4, 4), nn.Conv2d(4, 4, 1)])
def test_modules_that_are_not_linear_are_refused(module):
    with pytest.raises(ValueError, match=f"'0' is a {type(module).__name__}; leave it out"):
        get_peft_model(nn.Sequential(module), InaConfig(target_modules=["0"]))


def test_modules_that_read_their_weights_without_a_call_are_refused():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 1)
    for name in ("linear1", "out_proj"):
        with pytest.raises(ValueError, match=f"{name}' is a part of torch's .*; leave it out"):
            get_peft_model(encoder, InaConfig(target_modules=[name]))
    mamba = MambaForCausalLM(MambaConfig(hidden_size=16, num_hidden_layers=1, vocab_size=32, state_size=4))
    for name in ("out_proj", "x_proj", "dt_proj"):
        with pytest.raises(ValueError, match=f"mamba reads the weight of the target '{name}' .*; leave it out"):
            get_peft_model(mamba, InaConfig(target_modules=[name]))


def test_a_module_with_an_adapter_of_another_method_is_refused():
    model = nn.Sequential(nn.Linear(4, 4))
    get_peft_model(model, LoraConfig(target_modules=["0"]))
    with pytest.raises(ValueError, match=r"the target '0' has an adapter of lora; remove it first with `unload\(\)`"):
        get_peft_model(model, InaConfig(target_modules=["0"]))


def test_a_module_whose_name_peft_would_take_for_a_weight_of_the_adapter_is_refused():
    with pytest.raises(ValueError, match="'retina_encoder' should have another name: .* 'ina_'"):
        get_peft_model(nn.ModuleDict({"retina_encoder": nn.Linear(4, 4)}), InaConfig(target_modules=["retina_encoder"]))


def test_a_model_that_generates_text_has_no_threshold_over_all_tokens():
    with pytest.raises(ValueError, match="`threshold` should be 'token' for Llama.*, which generates text"):
        get_peft_model(LlamaForCausalLM(build("llama").config), InaConfig(threshold="tensor"))


def test_a_fused_projection_of_remote_code_with_a_known_model_type_is_adapted_as_a_whole():
    config = PretrainedConfig(n_heads=2)
    config.model_type = "mpt"
    model = nn.ModuleDict({"Wqkv": nn.Linear(4, 12)})
    model.config = config
    assert get_peft_model(model, InaConfig(target_modules=["Wqkv"])).base_model.model["Wqkv"].parts["default"] == ()


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        (dict(exclude_modules=["c_attn.key"]), ("query",)),
        (dict(target_modules=["c_attn"], exclude_modules=["c_attn.value"]), ("query", "key")),
        (dict(target_modules=["c_attn"], exclude_modules=["c_proj"]), ()),
    ],
)
def test_parts_of_a_fused_projection_can_be_excluded(settings, parts):
    assert fused_parts(build("gpt2"), **settings) == {parts}


def test_a_fused_projection_without_a_part_that_is_not_excluded_is_excluded():
    parts = ["c_attn.query", "c_attn.key", "c_attn.value"]
    for targets in (None, ["c_attn"]):
        with pytest.raises(ValueError, match="All modules were excluded|mismatched .* excluded modules"):
            get_peft_model(build("gpt2"), InaConfig(target_modules=targets, exclude_modules=parts))


def test_a_fused_projection_is_found_in_a_model_inside_another():
    model = nn.ModuleDict({"encoder": build("bert"), "decoder": build("gpt2")})
    assert fused_parts(model, target_modules=["c_attn.query"]) == {("query",)}


def fused_parts(model: nn.Module, **settings) -> set[tuple[str, ...]]:
    model = get_peft_model(model, InaConfig(**settings))
    return {module.parts["default"] for module in model.modules() if isinstance(module, InaLinear)}
