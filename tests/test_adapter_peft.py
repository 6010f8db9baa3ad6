"""InA behaves like PEFT's own methods: a table of behaviours over toy models."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from safetensors.torch import load_file, save_file
from test_adapter import adapt, build, tokens
from torch import nn

from ina import InaConfig
from ina.adapter import load, released


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
    ("mlp, module to save", mlp, dict(target_modules=["lin0"], modules_to_save=["lin1"], activation="identity")),
    *((family, encoder(family), {}) for family in ("bert", "roberta", "deberta-v2", "deberta", "llama")),
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
    base, x = doubled(*make())  # DeBERTa's fused projection is one product without adapter and three with it
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
