"""InA behaves like PEFT's own methods: a table of behaviours over toy models."""

import json
import re
import subprocess
import sys
from pathlib import Path

import peft
import pytest
import torch
from huggingface_hub import ModelCard
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from peft.helpers import disable_input_dtype_casting
from safetensors.torch import load_file, save_file
from test_adapter import adapt, build, tokens
from torch import nn
from transformers import BertForSequenceClassification

from ina import InaConfig
from ina.adapter import InaLinear, load, released


class MLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lin0 = nn.Linear(10, 20)
        self.lin1 = nn.Linear(20, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.lin1(torch.relu(self.lin0(x)))


def mlp() -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    return MLP().eval(), torch.randn(9, 10)


def encoder(family: str):
    return lambda: (build(family), tokens())


# name, model and input, settings
TABLE = [
    ("mlp, one layer", mlp, dict(target_modules=["lin0"])),
    ("mlp, two layers", mlp, dict(target_modules=["lin0", "lin1"], r=2, scale=1.0)),
    ("mlp, regular expression", mlp, dict(target_modules=r"lin\d", activation="leaky_relu")),
    ("mlp, excluded", mlp, dict(target_modules=["lin0", "lin1"], exclude_modules=["lin1"], threshold="tensor")),
    (
        "mlp, ranks and alphas",
        mlp,
        dict(target_modules=["lin0", "lin1"], rank_pattern={"lin1": 2}, alpha_pattern={"lin0": 4}),
    ),
    ("mlp, rank-stabilised", mlp, dict(target_modules=["lin0"], use_rslora=True)),
    ("mlp, module to save", mlp, dict(target_modules=["lin0"], modules_to_save=["lin1"], activation="identity")),
    *((family, encoder(family), {}) for family in ("bert", "roberta", "deberta-v2", "deberta", "llama")),
    ("bert, one layer", encoder("bert"), dict(layers_to_transform=1, layers_pattern="layer")),
    ("deberta, query alone", encoder("deberta"), dict(target_modules=r".*in_proj\.query")),
    ("deberta, whole projection", encoder("deberta"), dict(target_modules=["in_proj"])),
    ("bert, classifier", encoder("bert"), dict(task_type=TaskType.SEQ_CLS)),
    ("deberta, classifier", encoder("deberta"), dict(task_type=TaskType.SEQ_CLS, inhibition=0.9)),
]
over_table = pytest.mark.parametrize("make, settings", [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])


def doubled(model: nn.Module, x: torch.Tensor) -> tuple[nn.Module, torch.Tensor]:
    """Both in float64, in which what other kernels round otherwise is far below torch's tolerance."""
    return model.double(), x.double() if x.is_floating_point() else x


def out(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        result = model(x)
    return getattr(result, "logits", result)


@over_table
def test_only_the_adapter_and_the_saved_modules_change_in_training(make, settings):
    base, x = make()
    model = adapt(base, **settings).train()
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        result = model(x)
        getattr(result, "logits", result).pow(2).sum().backward()
        optimizer.step()
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    trainable = {name for name, value in model.named_parameters() if value.requires_grad}
    assert changed == trainable != set()
    assert all("ina_" in name or "modules_to_save" in name for name in changed)


@over_table
def test_save_and_load_give_the_same_outputs(make, settings, tmp_path):
    base, x = make()
    model = adapt(base, init_weights=False, **settings)
    expected = out(model, x)
    model.save_pretrained(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} >= {"adapter_config.json", "adapter_model.safetensors"}
    assert not list(tmp_path.glob("*.bin"))
    assert json.loads((tmp_path / "adapter_config.json").read_text())["peft_type"] == "INA"
    for reopen in (PeftModel.from_pretrained, load):
        assert torch.equal(out(reopen(make()[0], tmp_path).eval(), x), expected)


@over_table
def test_disabling_restores_the_base_model(make, settings):
    base, x = doubled(*make())
    expected = out(base, x)
    model = adapt(base, init_weights=False, **settings)
    assert not torch.allclose(out(model, x), expected, atol=1e-4)
    with model.disable_adapter():
        torch.testing.assert_close(out(model, x), expected)


@over_table
def test_unloading_gives_the_base_model_back(make, settings):
    base, x = make()
    expected, names = out(base, x), set(base.state_dict())
    restored = adapt(base, init_weights=False, **settings).unload()
    assert set(restored.state_dict()) == names
    if "modules_to_save" not in settings and "task_type" not in settings:
        assert torch.equal(out(restored, x), expected)


@over_table
def test_several_adapters_switch_add_up_and_can_be_deleted(make, settings):
    base, x = make()
    model = adapt(base, init_weights=False, **settings)
    first = out(model, x)
    torch.manual_seed(7)
    model.add_adapter("second", InaConfig(init_weights=False, **settings))
    assert torch.equal(out(model, x), first)
    model.set_adapter("second")
    second = out(model, x)
    assert not torch.allclose(second, first, atol=1e-5)
    model.set_adapter("default")
    assert torch.equal(out(model, x), first)
    model.delete_adapter("default")
    model.set_adapter("second")
    assert torch.equal(out(model, x), second)
    assert not any(".default" in name for name in model.state_dict())


@pytest.mark.parametrize(("make", "settings"), [row[1:] for row in TABLE if row[0] != "deberta-v2"])
def test_a_batch_is_mixed_of_adapters_as_each_example_says(make, settings):
    base, x = doubled(*make())
    model = adapt(base, init_weights=False, **settings)
    torch.manual_seed(7)
    model.add_adapter("second", InaConfig(init_weights=False, **settings))
    expected = {"default": out(model, x)}
    with model.disable_adapter():
        expected["__base__"] = out(model, x)
    model.set_adapter("second")
    expected["second"] = out(model, x)
    names = (["second", "default", "__base__"] * 3)[: len(x)]
    with torch.no_grad():
        mixed = model(x, adapter_names=names)
    mixed = getattr(mixed, "logits", mixed)
    if settings.get("threshold") != "tensor":  # whose maximum depends on what else is in the batch
        for index, name in enumerate(names):
            torch.testing.assert_close(mixed[index], expected[name][index])


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["default", "__base__", "german"], "non-existing adapter.*: german"),
        (["default"], "same as the number of inputs, but got 1 and 3"),
    ],
)
def test_wrong_names_for_a_mixed_batch_are_refused(names, told):
    model = adapt(build("bert"))
    with pytest.raises(ValueError, match=told):
        model(tokens(), adapter_names=names)
    with pytest.raises(ValueError, match="in training mode"):
        model.train()(tokens(), adapter_names=["default"] * 3)
    expected = out(model.eval(), tokens())
    assert torch.equal(out(model, tokens()), expected)  # nothing of the failed call is left


def test_a_mixed_batch_is_refused_where_relative_positions_have_the_weights_of_all_examples():
    model = adapt(build("deberta-v2"))
    with pytest.raises(ValueError, match="same as the number of inputs, but got 3 and 1"):
        model(tokens(), adapter_names=["default"] * 3)


@pytest.mark.parametrize("family", ["bert", "deberta"])
def test_adapted_layers_compile_to_one_graph(family):
    model = adapt(build(family), init_weights=False)
    site = next(iter(sites_of(model).values()))
    x = torch.randn(2, 3, 32)
    compiled = torch.compile(site, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), site(x))


def sites_of(model: nn.Module) -> dict[str, InaLinear]:
    return {name: module for name, module in model.named_modules() if isinstance(module, InaLinear)}


def test_ranks_and_scales_follow_the_patterns():
    patterns = dict(rank_pattern={r"layer\.1\..*\.query": 2, "key": 4}, alpha_pattern={"key": 6})
    found = {
        (int(name.split(".layer.")[1][0]), name.split(".")[-1]): (site.r["default"], site.scaling["default"])
        for name, site in sites_of(adapt(build("bert"), r=8, alpha=16, **patterns)).items()
    }
    assert found == {(0, "query"): (8, 2), (1, "query"): (2, 8), (0, "key"): (4, 1.5), (1, "key"): (4, 1.5)}
    [scale] = {site.scaling["default"] for site in sites_of(adapt(build("bert"), r=4, use_rslora=True)).values()}
    assert scale == 16 / 2


def test_layers_are_chosen_and_replicated():
    assert {name.split(".layer.")[1][0] for name in sites_of(adapt(build("bert"), layers_to_transform=[1]))} == {"1"}
    model = adapt(build("llama"), layer_replication=[[0, 2], [1, 2]])
    assert len(sites_of(model)) == 3 * 2
    assert torch.isfinite(out(model, tokens())).all()


@pytest.mark.parametrize(("bias", "trained"), [("all", 6), ("ina_only", 2)])
def test_biases_are_trained_and_saved(bias, trained, tmp_path):
    class Biased(MLP):
        def __init__(self) -> None:
            super().__init__()
            self.rest = nn.ModuleList(nn.Linear(2, 2) for _ in range(4))

    torch.manual_seed(0)
    if peft.__version__ < "0.21":
        with pytest.raises(ValueError, match="this version of PEFT would not save the biases"):
            InaConfig(bias=bias)
        return
    model = adapt(Biased(), target_modules=["lin0", "lin1"], bias=bias)
    biases = [name for name, weight in model.named_parameters() if name.endswith(".bias") and weight.requires_grad]
    assert len(biases) == trained
    with torch.no_grad():
        model.get_submodule("base_model.model.lin0").bias.fill_(3.0)
    model.save_pretrained(tmp_path)
    for reopen in (PeftModel.from_pretrained, load):
        assert (reopen(Biased(), tmp_path).base_model.model.lin0.bias == 3.0).all()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (dict(rank_pattern={"key": 0}), r"`rank_pattern\['key'\]` should be a positive integer, not 0"),
        (dict(alpha_pattern={"key": "a"}), r"`alpha_pattern\['key'\]` should be a positive number, not 'a'"),
        (dict(scale=1.0, use_rslora=True), "leave out `use_rslora` and `alpha_pattern`"),
        (dict(bias="lora_only"), "`bias` should be one of none, all, ina_only, not 'lora_only'"),
        (dict(layers_to_transform=[0], target_modules=".*query"), "a regular expression names layers itself"),
        (dict(layers_pattern="layer"), "`layers_pattern` is for `layers_to_transform`"),
        (dict(target_parameters=["experts.weight"]), "`target_parameters` is not for InA"),
    ],
)
def test_options_that_do_not_go_together_are_refused(settings, told):
    with pytest.raises(ValueError, match=told):
        InaConfig(**settings)


def test_adapters_cannot_be_joined_into_one():
    model = adapt(build("bert"))
    with pytest.raises(NotImplementedError, match="cannot be averaged or joined into one"):
        model.add_weighted_adapter(["default"], [1.0], "sum")


def test_casting_of_the_input_can_be_disabled():
    base, x = mlp()
    model = adapt(base, target_modules=["lin0"], init_weights=False)
    model.base_model.model.lin0.ina_A.bfloat16()
    model.base_model.model.lin0.ina_B.bfloat16()
    assert torch.isfinite(out(model, x)).all()
    with disable_input_dtype_casting(model), pytest.raises(RuntimeError, match="dtype"):
        out(model, x)


def test_two_active_adapters_add_up():
    base, x = doubled(*mlp())
    plain = out(base.lin0, x)
    model = adapt(base, target_modules=["lin0"], init_weights=False)
    torch.manual_seed(7)
    model.add_adapter("second", InaConfig(target_modules=["lin0"], init_weights=False))
    layer = model.base_model.model.lin0
    parts = []
    for names in (["default"], ["second"], ["default", "second"]):
        model.base_model.set_adapter(names)
        parts.append(out(layer, x) - plain)
    torch.testing.assert_close(parts[0] + parts[1], parts[2])


@pytest.mark.parametrize(
    "merge",
    [
        lambda model: model.merge_and_unload(),
        lambda model: model.merge_adapter(),
        lambda model: model.base_model._unload_and_optionally_merge(merge=True),
        lambda model: model.base_model.model.lin0.merge(),
    ],
)
def test_merging_is_refused_with_the_reason(merge):
    base, x = mlp()
    model = adapt(base, target_modules=["lin0"], init_weights=False)
    before = out(model, x)
    with pytest.raises(NotImplementedError, match="depends on the input"):
        merge(model)
    assert torch.equal(out(model, x), before)


def test_peft_without_this_package_refuses_the_file(tmp_path):
    base, _ = mlp()
    adapt(base, target_modules=["lin0"]).save_pretrained(tmp_path)
    code = f"import peft; peft.PeftConfig.from_pretrained({str(tmp_path)!r})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode != 0 and "KeyError: 'INA'" in result.stderr


def released_folder(folder, r=4, inhibition=0.3, **changes):
    """A folder as the authors publish it: PEFT's LoRA format of 2024 with one more key."""
    settings = dict(r=r, lora_alpha=16, lora_dropout=0.1, target_modules=["query", "key", "value"])
    torch.manual_seed(3)
    lora = get_peft_model(build("bert"), LoraConfig(task_type="SEQ_CLS", init_lora_weights=False, **settings)).eval()
    lora.save_pretrained(folder)
    file = folder / "adapter_config.json"
    keep = ("peft_type", "task_type", "r", "lora_alpha", "lora_dropout", "target_modules", "bias", "modules_to_save")
    written = {key: value for key, value in json.loads(file.read_text()).items() if key in keep}
    file.write_text(json.dumps(written | {"lora_inhibition": inhibition} | changes))
    return lora


def test_released_adapter_runs_with_the_released_semantics(tmp_path):
    released_folder(tmp_path)
    model = released.load(build("bert"), tmp_path).double()
    layer = model.base_model.model.bert.encoder.layer[0].attention.self.value
    x = torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z = x @ layer.ina_A["default"].weight.T
    z = torch.nn.functional.leaky_relu(z - 0.3 * z.max(dim=2, keepdim=True).values, 0.01)
    expected = layer.base_layer(x) + 16 / 4 * z @ layer.ina_B["default"].weight.T
    torch.testing.assert_close(layer(x), expected)


def test_released_adapter_at_inhibition_zero_is_plain_lora(tmp_path):
    lora = released_folder(tmp_path, inhibition=0.0)
    ids = tokens()
    loaded = released.load(build("bert"), tmp_path)
    torch.testing.assert_close(out(loaded.double(), ids), out(lora.double(), ids))


@pytest.mark.parametrize(
    "changes, told",
    [
        (dict(peft_type="INA"), "peft_type 'LORA' and a key 'lora_inhibition'; here peft_type is 'INA'"),
        (dict(use_dora=True), "use_dora=True is not part of InA"),
        (dict(lora_inhibition=3), r"`inhibition` should lie in \[0, 1\], not 3"),
    ],
)
def test_what_is_no_released_adapter_is_refused(tmp_path, changes, told):
    released_folder(tmp_path, **changes)
    with pytest.raises(ValueError, match=told):
        released.load(build("bert"), tmp_path)


def saved(folder, **settings):
    adapt(build("bert"), init_weights=False, **settings).save_pretrained(folder)
    return folder


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-100])


def without_a_weight(path):
    weights = load_file(path)
    del weights[sorted(weights)[0]]
    save_file(weights, path)


CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


@pytest.mark.parametrize(
    ("file", "damage", "told"),
    [
        (WEIGHTS, Path.unlink, "adapter_model.safetensors is missing"),
        (WEIGHTS, cut_off, "adapter_model.safetensors is truncated"),
        (WEIGHTS, without_a_weight, "1 weights differ, first: .* is not in the file"),
        (CONFIG, Path.unlink, "adapter_config.json is missing; an adapter folder holds"),
        (CONFIG, '{"peft_type": "LORA", "r": 8}', "peft_type is 'LORA', not 'INA'; open it with peft.PeftModel"),
        (CONFIG, "[]", "adapter_config.json should hold a JSON object"),
        (
            CONFIG,
            '{"peft_type": "INA", "r": 0}',
            "config.json: InaConfig: `r` should be a positive integer, not 0",
        ),
        (CONFIG, "{", "adapter_config.json is not valid JSON"),
    ],
)
def test_loading_names_a_missing_or_damaged_file(file, damage, told, tmp_path):
    path = saved(tmp_path) / file
    path.write_text(damage) if isinstance(damage, str) else damage(path)
    with pytest.raises((FileNotFoundError, ValueError), match=told):
        load(build("bert"), tmp_path)


def test_loading_refuses_an_adapter_of_another_model_and_leaves_the_model_alone(tmp_path):
    saved(tmp_path, task_type="SEQ_CLS")
    other = build("roberta")
    ids = tokens()
    expected = out(other, ids)
    with pytest.raises(ValueError, match="does not fit this model.*weights differ, first"):
        load(other, tmp_path)
    assert torch.equal(out(other, ids), expected)


def test_loading_points_a_released_folder_to_its_own_loader(tmp_path):
    released_folder(tmp_path)
    with pytest.raises(ValueError, match="use ina.adapter.released.load"):
        load(build("bert"), tmp_path)


def test_loading_onto_a_model_with_an_adapter_adds_a_second_one(tmp_path):
    ids = tokens()
    torch.manual_seed(5)
    second = get_peft_model(build("bert"), InaConfig(r=2, init_weights=False)).eval()
    second.save_pretrained(tmp_path)
    model = adapt(build("bert"), init_weights=False)
    first = out(model, ids)
    assert load(model, tmp_path, adapter_name="second") is model
    assert torch.equal(out(model, ids), first)
    model.set_adapter("second")
    assert torch.equal(out(model, ids), out(second, ids))


def test_loading_that_fails_leaves_the_adapters_of_the_model(tmp_path):
    ids = tokens()
    saved(tmp_path, target_modules=["value"])
    model = adapt(build("bert"), init_weights=False)
    expected = out(model, ids)
    with pytest.raises(ValueError, match="has an adapter named 'default' already.*another name"):
        load(model, tmp_path)
    with pytest.raises(ValueError, match="has an adapter already.*hand over the PEFT model around it"):
        load(model.base_model.model, tmp_path)
    without_a_weight(tmp_path / WEIGHTS)
    with pytest.raises(ValueError, match="1 weights differ"):
        load(model, tmp_path, adapter_name="second")
    assert torch.equal(out(model, ids), expected) and list(model.peft_config) == ["default"]


def test_an_adapter_of_a_split_deberta_opens_on_the_whole_one(tmp_path):
    """As version 0.1.0 saved them: one pair of weights under in_proj.query, one under in_proj.key."""
    model = adapt(build("deberta"), init_weights=False)
    expected = out(model, tokens())
    model.save_pretrained(tmp_path)
    weights = {}
    for name, joined in load_file(tmp_path / WEIGHTS).items():
        for part, weight in zip(("query", "key"), joined.chunk(2), strict=True):
            weights[name.replace(".ina_", f".{part}.ina_")] = weight.clone()
    save_file(weights, tmp_path / WEIGHTS)
    assert torch.equal(out(load(build("deberta"), tmp_path), tokens()), expected)


def test_the_card_says_what_the_adapter_is_and_how_to_open_it(tmp_path):
    base = build("bert")
    base.name_or_path = "google-bert/bert-base-uncased"
    model = adapt(base, r=4, task_type="SEQ_CLS")
    model.save_pretrained(tmp_path)
    card = ModelCard.load(tmp_path / "README.md")
    assert {"peft", "ina"} <= set(card.data.tags) and card.data.library_name == "peft"
    for said in ("inhibition adaptation", "| `r` | 4 |", "| `inhibition` | 0.3 |", "key, query", "import ina"):
        assert said in card.text
    assert 'AutoModelForSequenceClassification.from_pretrained("google-bert/bert-base-uncased")' in card.text
    card.text = "My own words."
    card.save(tmp_path / "README.md")
    model.save_pretrained(tmp_path)
    assert ModelCard.load(tmp_path / "README.md").text.startswith("My own words.")


def test_the_code_in_the_card_opens_the_adapter(tmp_path):
    base, folder = tmp_path / "base", tmp_path / "adapter"
    build("bert").save_pretrained(base)
    model = BertForSequenceClassification.from_pretrained(base)
    adapt(model, task_type="SEQ_CLS").save_pretrained(folder)
    [code] = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S)
    namespace = {}
    exec(code.replace("<this folder>", str(folder)), namespace)
    assert len(sites_of(namespace["model"])) == 4
