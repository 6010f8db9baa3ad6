"""InA behaves like PEFT's own methods, over a table of models and settings."""

import json
import re
from pathlib import Path

import peft
import pytest
import torch
from accelerate import cpu_offload
from families import build, inputs, output
from huggingface_hub import ModelCard
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from peft.helpers import disable_input_dtype_casting
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel
from transformers import AutoModelForSequenceClassification as Classifier

from ina import InaConfig
from ina.adapter import InaLinear, load, released
from ina.projections import split_fused_projections, target_modules

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


class MLP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.emb = nn.Embedding(10, 10)
        self.lin0 = nn.Linear(10, 20)
        self.lin1 = nn.Linear(20, 2)

    def forward(self, input_ids: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.lin1(torch.relu(self.lin0(self.emb(input_ids % 10))))}


# name, model, settings
TABLE = [
    ("mlp, one layer", MLP, dict(target_modules=["lin0"])),
    ("mlp, two layers", MLP, dict(target_modules=["lin0", "lin1"], r=2, scale=1.0)),
    ("mlp, regular expression", MLP, dict(target_modules=r"lin\d", activation="leaky_relu")),
    ("mlp, excluded", MLP, dict(target_modules=["lin0", "lin1"], exclude_modules=["lin1"], threshold="tensor")),
    ("mlp, module to save", MLP, dict(target_modules=["lin0"], modules_to_save=["lin1"], activation="identity")),
    ("mlp, tokens", MLP, dict(target_modules=["lin0"], trainable_token_indices={"emb": [3, 4, 5]})),
    ("bert, tokens", lambda: build("bert"), dict(trainable_token_indices=inputs("bert")["input_ids"][0, :2].tolist())),
    ("bert, one layer", lambda: build("bert"), dict(layers_to_transform=1, layers_pattern="layer")),
    ("bert, classifier", lambda: build("bert", Classifier), dict(task_type=TaskType.SEQ_CLS, inhibition=0.9)),
    ("deberta, query alone", lambda: build("deberta"), dict(target_modules=r".*in_proj\.query")),
    ("deberta, whole projection", lambda: build("deberta"), dict(target_modules=["in_proj"])),
    ("llama", lambda: build("llama", AutoModelForCausalLM), dict(task_type=TaskType.CAUSAL_LM)),
]
over_table = pytest.mark.parametrize(("make", "settings"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])


def adapt(model: nn.Module, seed: int = 1, **settings) -> PeftModel:
    torch.manual_seed(seed)
    return get_peft_model(model, InaConfig(**settings)).eval()


def add(model: PeftModel, name: str, **settings) -> None:
    torch.manual_seed(7)
    model.add_adapter(name, InaConfig(init_weights=False, **settings))


def out(model: nn.Module, **more) -> torch.Tensor:
    with torch.no_grad():
        return output(model, inputs("bert", rows=3), **more)


def sites_of(model: nn.Module) -> dict[str, InaLinear]:
    return {name: module for name, module in model.named_modules() if isinstance(module, InaLinear)}


@over_table
def test_only_the_adapter_and_what_is_saved_with_it_change_in_training(make, settings):
    model = adapt(make(), **settings).train()
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimizer = torch.optim.SGD([weight for weight in model.parameters() if weight.requires_grad], lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        output(model, inputs("bert"))[..., 0].pow(2).sum().backward()
        optimizer.step()
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert changed == {name for name, value in model.named_parameters() if value.requires_grad} != set()
    assert all(re.search("ina_|modules_to_save|trainable_tokens", name) for name in changed)
    assert any("trainable_tokens" in name for name in changed) == ("trainable_token_indices" in settings)
    if "exclude_modules" in settings:
        assert not any(name.endswith("lin1") for name in sites_of(model))


@over_table
def test_save_and_load_give_the_same_outputs(make, settings, tmp_path):
    model = adapt(make(), init_weights=False, **settings)
    for name, weight in model.named_parameters():
        if "trainable_tokens_delta" in name:
            nn.init.normal_(weight)
    model.save_pretrained(tmp_path)
    assert json.loads((tmp_path / CONFIG).read_text())["peft_type"] == "INA"
    for reopen in (PeftModel.from_pretrained, load):
        assert torch.equal(out(reopen(make(), tmp_path).eval()), out(model))


@over_table
def test_an_adapter_starts_as_the_base_model_and_disabling_or_unloading_it_restores_the_base(make, settings):
    base = make().double()  # in float64, where kernels differ by far less than torch's tolerance
    expected, names = out(base), set(base.state_dict())
    model = adapt(base, **settings)
    torch.testing.assert_close(out(model), expected)
    for site in sites_of(model).values():
        nn.init.normal_(site.ina_B["default"].weight)
    assert not torch.allclose(out(model), expected, atol=1e-4)
    with model.disable_adapter():
        torch.testing.assert_close(out(model), expected)
    restored = model.unload()
    assert set(restored.state_dict()) == names
    torch.testing.assert_close(out(restored), expected)


@over_table
def test_several_adapters_switch_mix_in_a_batch_and_can_be_deleted(make, settings):
    model = adapt(make().double(), init_weights=False, **settings)
    expected = {"default": out(model)}
    add(model, "second", **settings)
    assert torch.equal(out(model), expected["default"])
    with model.disable_adapter():
        expected["__base__"] = out(model)
    model.set_adapter("second")
    expected["second"] = out(model)
    assert not torch.allclose(expected["second"], expected["default"], atol=1e-5)
    names = ["second", "default", "__base__"]
    if settings.get("threshold") != "tensor":  # its maximum depends on the other examples of the batch
        mixed = torch.stack([expected[name][row] for row, name in enumerate(names)])
        torch.testing.assert_close(out(model, adapter_names=names), mixed)
    model.delete_adapter("default")
    assert torch.equal(out(model), expected["second"])
    assert not any(".default" in name for name in model.state_dict())


def test_wrong_adapter_names_for_a_mixed_batch_are_refused_and_do_not_change_the_model():
    model = adapt(build("bert"))
    expected = out(model)
    for names, told in (
        (["default", "__base__", "german"], "non-existing adapter.*: german"),
        (["default"], "same as the number of inputs, but got 1 and 3"),
    ):
        with pytest.raises(ValueError, match=told):
            out(model, adapter_names=names)
    with pytest.raises(ValueError, match="in training mode"):
        out(model.train(), adapter_names=["default"] * 3)
    assert torch.equal(out(model.eval()), expected)


def test_two_active_adapters_add_up():
    layer = nn.Sequential(nn.Linear(10, 20).double())
    x = torch.randn(9, 10).double()
    plain = layer(x)
    model = adapt(layer, target_modules=["0"], init_weights=False)
    add(model, "second", target_modules=["0"])
    parts = []
    for names in (["default"], ["second"], ["default", "second"]):
        model.base_model.set_adapter(names)
        parts.append(model(x) - plain)
    torch.testing.assert_close(parts[0] + parts[1], parts[2])


def test_ranks_and_scales_follow_the_patterns():
    patterns = dict(rank_pattern={r"layer\.1\..*\.query": 2, "key": 4}, alpha_pattern={"key": 6})
    found = {
        (int(name.split(".layer.")[1][0]), name.split(".")[-1]): (site.r["default"], site.scaling["default"])
        for name, site in sites_of(adapt(build("bert"), r=8, alpha=16, **patterns)).items()
    }
    assert found == {(0, "query"): (8, 2), (1, "query"): (2, 8), (0, "key"): (4, 1.5), (1, "key"): (4, 1.5)}
    for settings, expected in ((dict(use_rslora=True), 16 / 2), (dict(scale=0.25), 0.25)):
        sites = sites_of(adapt(build("bert"), r=4, **settings)).values()
        assert {site.scaling["default"] for site in sites} == {expected}


def test_layers_are_chosen_and_replicated():
    assert {name.split(".layer.")[1][0] for name in sites_of(adapt(build("bert"), layers_to_transform=[1]))} == {"1"}
    assert len(sites_of(adapt(build("llama"), layer_replication=[[0, 2], [1, 2]]))) == 3 * 2


@pytest.mark.parametrize(("bias", "trained"), [("all", {"lin0", "lin1"}), ("ina_only", {"lin0"})])
def test_biases_are_trained_and_saved(bias, trained, tmp_path):
    if peft.__version__ < "0.21":
        with pytest.raises(ValueError, match="this version of PEFT would not save the biases"):
            InaConfig(bias=bias)
        return
    model = adapt(MLP(), target_modules=["lin0"], bias=bias)
    biases = {name for name, weight in model.named_parameters() if name.endswith(".bias") and weight.requires_grad}
    assert {name.split(".")[2] for name in biases} == trained
    nn.init.constant_(model.base_model.model.lin0.bias, 3.0)
    model.save_pretrained(tmp_path)
    for reopen in (PeftModel.from_pretrained, load):
        assert (reopen(MLP(), tmp_path).base_model.model.lin0.bias == 3.0).all()


def test_casting_of_the_input_can_be_disabled():
    model = adapt(MLP(), target_modules=["lin0"], init_weights=False)
    model.base_model.model.lin0.ina_A.bfloat16()
    model.base_model.model.lin0.ina_B.bfloat16()
    assert torch.isfinite(out(model)).all()
    with disable_input_dtype_casting(model), pytest.raises(RuntimeError, match="dtype"):
        out(model)


def test_offloaded_weights_give_the_same_outputs():
    for settings in (dict(target_modules=["lin0"]), dict(target_modules=["lin0"], modules_to_save=["lin1"])):
        model = adapt(MLP(), init_weights=False, **settings)
        expected = out(model)
        assert torch.equal(out(cpu_offload(model, execution_device=torch.device("cpu"))), expected)
    fused = adapt(build("deberta"), init_weights=False, target_modules=r".*in_proj\.(query|key)")
    expected = out(fused)
    assert torch.equal(out(cpu_offload(fused, execution_device=torch.device("cpu"))), expected)


def test_an_adapter_of_lower_precision_does_not_round_the_output_of_the_base():
    base = MLP()
    expected = out(base)
    model = adapt(base, target_modules=["lin0"])
    model.base_model.model.lin0.ina_A.bfloat16()
    model.base_model.model.lin0.ina_B.bfloat16()
    assert torch.equal(out(model), expected)


@pytest.mark.parametrize(
    ("merge", "told"),
    [
        (lambda model: model.merge_and_unload(), "depends on the input"),
        (lambda model: model.merge_adapter(), "depends on the input"),
        (lambda model: model.base_model.model.lin0.merge(), "depends on the input"),
        (lambda model: model.add_weighted_adapter(["default"], [1.0], "sum"), "cannot be averaged or joined into one"),
    ],
)
def test_merging_is_refused_with_the_reason(merge, told):
    model = adapt(MLP(), target_modules=["lin0"], init_weights=False)
    before = out(model)
    with pytest.raises(NotImplementedError, match=told):
        merge(model)
    assert torch.equal(out(model), before)


# --- files


@pytest.fixture
def saved(tmp_path) -> Path:
    """The folder of a saved adapter for BERT."""
    adapt(build("bert"), init_weights=False).save_pretrained(tmp_path)
    return tmp_path


def without_a_weight(file: Path) -> None:
    weights = load_file(file)
    del weights[sorted(weights)[0]]
    save_file(weights, file)


def with_settings(**changed):
    """A function that changes the settings in a file."""
    return lambda file: file.write_text(json.dumps(json.loads(file.read_text()) | changed))


def assert_refused(model: nn.Module, folder: Path, told: str, **more) -> None:
    """An adapter is refused, and the model has the modules and weights that it had, tied as they were."""

    def state() -> tuple:
        return dict(model.named_modules()), {name: (id(w), w.requires_grad) for name, w in model.named_parameters()}

    before, expected = state(), out(model)
    with pytest.raises((FileNotFoundError, ValueError), match=told):
        load(model, folder, **more)
    assert state() == before and torch.equal(out(model), expected)


@pytest.mark.parametrize(
    ("file", "damage", "told"),
    [
        (WEIGHTS, Path.unlink, "adapter_model.safetensors is missing"),
        (WEIGHTS, lambda file: file.write_bytes(file.read_bytes()[:-100]), "adapter_model.safetensors is truncated"),
        (WEIGHTS, without_a_weight, "does not fit this model.*1 weights differ, first: .* is not in the file"),
        (CONFIG, with_settings(r=4), r"is \(8, 32\) in the file and \(4, 32\) in the model"),
        (CONFIG, with_settings(r=4, base_model_name_or_path="one/model"), r"this model \(it was made for one/model\)"),
        (CONFIG, with_settings(target_modules=r".*(self\.query|output\.LayerNorm)"), "InA adapts linear modules"),
        (CONFIG, Path.unlink, "adapter_config.json is missing; an adapter folder holds"),
        (CONFIG, '{"peft_type": "LORA", "r": 8}', "peft_type is 'LORA', not 'INA'; open it with peft.PeftModel"),
        (CONFIG, '{"peft_type": "LORA", "lora_inhibition": 0.3}', "use ina.adapter.released.load"),
        (CONFIG, '{"peft_type": "INA", "r": 0}', "config.json: InaConfig: `r` should be a positive integer, not 0"),
        (CONFIG, "{", "adapter_config.json is not valid JSON"),
        (CONFIG, "[]", r"adapter_config.json holds \[\]; it should hold the settings as a JSON object"),
    ],
)
def test_loading_names_what_is_missing_damaged_or_of_another_kind_and_leaves_the_model_alone(file, damage, told, saved):
    (saved / file).write_text(damage) if isinstance(damage, str) else damage(saved / file)
    model, adapted = build("bert"), adapt(build("bert"), init_weights=False)
    model.embeddings.requires_grad_(False)
    assert_refused(model, saved, told)
    assert not hasattr(model, "peft_config")
    assert_refused(adapted, saved, told, adapter_name="second")
    assert [*adapted.peft_config] == adapted.active_adapters == ["default"]


@pytest.mark.parametrize(("family", "saved_too"), [("bert", ["classifier"]), ("gpt2", ["lm_head"])])
def test_a_refused_adapter_leaves_the_head_alone(family, saved_too, tmp_path):
    auto = Classifier if family == "bert" else AutoModelForCausalLM
    adapt(build(family, auto), modules_to_save=saved_too).save_pretrained(tmp_path)
    with_settings(r=4)(tmp_path / CONFIG)
    assert_refused(build(family, auto), tmp_path, "does not fit this model")


# settings that change no output, or without which the weights do not fit
HARMLESS = {
    "dropout", "detach_threshold", "init_weights", "bias", "target_modules", "exclude_modules", "modules_to_save",
    "trainable_token_indices", "layers_to_transform", "layers_pattern", "layer_replication",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(InaConfig.__annotations__.keys() - HARMLESS))
def test_no_setting_that_changes_the_outputs_may_be_missing(name, saved):
    settings = json.loads((saved / CONFIG).read_text())
    del settings[name]
    (saved / CONFIG).write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=f"adapter_config.json lacks {name}$"):
        load(build("bert"), saved)


def test_a_loaded_adapter_is_ready_for_inference(saved):
    model = load(build("bert"), saved)
    assert not model.training and not any(weight.requires_grad for weight in model.parameters())


def test_peft_without_ina_refuses_the_folder(saved, monkeypatch):
    monkeypatch.delitem(peft.mapping.PEFT_TYPE_TO_CONFIG_MAPPING, "INA")
    with pytest.raises(KeyError, match="'INA'"):
        peft.PeftConfig.from_pretrained(str(saved))


def test_an_adapter_that_was_saved_with_the_embeddings_opens_with_them(saved):
    model = adapt(build("bert"), init_weights=False)
    nn.init.normal_(model.get_input_embeddings().weight)
    model.save_pretrained(saved, save_embedding_layers=True)
    assert torch.equal(out(load(build("bert"), saved)), out(model))


def test_loading_adds_an_adapter_to_those_of_a_model_or_leaves_them_as_they_are(saved):
    model = adapt(build("bert"), r=2, seed=5, init_weights=False)
    expected = out(model)
    for onto, told in (
        (model, "has an adapter named 'default' already.*another `adapter_name`"),
        (model.base_model.model, "has an adapter already.*pass the PeftModel around it"),
    ):
        with pytest.raises(ValueError, match=told):
            load(onto, saved)
    assert load(model, saved, adapter_name="second") is model
    assert torch.equal(out(model), expected)
    model.set_adapter("second")
    assert torch.equal(out(model), out(load(build("bert"), saved)))


@pytest.mark.parametrize("layers", [9, 10])  # PEFT shortens lists from twenty on
def test_a_long_list_of_parts_of_fused_projections_adapts_these_and_no_others(layers, tmp_path):
    config = GPT2Config(n_layer=12, n_embd=32, n_head=4, vocab_size=64)
    names = [f"transformer.h.{i}.attn.c_attn.{part}" for i in range(layers) for part in ("query", "key")]
    expected = {f"base_model.model.transformer.h.{i}.attn.c_attn" for i in range(layers)}
    model = adapt(GPT2LMHeadModel(config), target_modules=names)
    assert {name for name, module in model.named_modules() if isinstance(module, InaLinear)} == expected
    model.save_pretrained(tmp_path)
    opened = load(GPT2LMHeadModel(config), tmp_path)
    assert {name for name, module in opened.named_modules() if isinstance(module, InaLinear)} == expected


def released_folder(folder, inhibition=0.3, **changes) -> PeftModel:
    """A folder as the authors publish it: PEFT's LoRA format of 2024 with one more key."""
    settings = dict(r=4, lora_alpha=16, lora_dropout=0.1, target_modules=["query", "key", "value"])
    of_lora = {key: value for key, value in changes.items() if key in ("use_rslora", "alpha_pattern")}
    lora = get_peft_model(build("bert"), LoraConfig(init_lora_weights=False, **settings, **of_lora)).eval()
    lora.save_pretrained(folder)
    keep = ("peft_type", "task_type", "r", "lora_alpha", "lora_dropout", "target_modules", "bias", "modules_to_save")
    written = {key: value for key, value in json.loads((folder / CONFIG).read_text()).items() if key in keep}
    (folder / CONFIG).write_text(json.dumps(written | {"lora_inhibition": inhibition} | changes))
    return lora


def test_released_adapter_runs_with_the_released_semantics_and_at_inhibition_zero_is_plain_lora(tmp_path):
    released_folder(tmp_path)
    layer = next(iter(sites_of(released.load(build("bert"), tmp_path).double()).values()))
    x = torch.randn(2, 3, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z = x @ layer.ina_A["default"].weight.T
    z = torch.nn.functional.leaky_relu(z - 0.3 * z.max(dim=2, keepdim=True).values, 0.01)
    torch.testing.assert_close(layer(x), layer.base_layer(x) + 16 / 4 * z @ layer.ina_B["default"].weight.T)
    for changes in ({}, {"use_rslora": True}, {"alpha_pattern": {"key": 64}}):
        lora = released_folder(tmp_path, inhibition=0.0, **changes)
        torch.testing.assert_close(out(released.load(build("bert"), tmp_path).double()), out(lora.double()))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (dict(peft_type="INA"), "peft_type 'LORA' and a key 'lora_inhibition'; here peft_type is 'INA'"),
        (dict(target_modules=None), "adapter_config.json lacks target_modules"),
        (dict(use_dora=True), "use_dora in a released adapter is not supported"),
        (dict(bias="all"), "bias in a released adapter is not supported"),
        (dict(lora_inhibition=3), r"`inhibition` should lie in \[0, 1\], not 3"),
    ],
)
def test_a_folder_that_is_not_a_released_adapter_is_refused(tmp_path, changes, told):
    released_folder(tmp_path, **changes)
    given = {key: value for key, value in json.loads((tmp_path / CONFIG).read_text()).items() if value is not None}
    (tmp_path / CONFIG).write_text(json.dumps(given))
    with pytest.raises(ValueError, match=told):
        released.load(build("bert"), tmp_path)


def test_the_card_says_what_the_adapter_is_and_its_code_opens_it(tmp_path):
    base = build("bert")
    base.name_or_path = "google-bert/bert-base-uncased"
    model = adapt(base)
    model.save_pretrained(tmp_path)
    card = ModelCard.load(tmp_path / "README.md")
    assert {"peft", "ina"} <= set(card.data.tags) and card.data.library_name == "peft"
    for said in ("bert-base-uncased", "inhibition adaptation", "cannot be merged"):
        assert said in card.text
    [code] = re.findall(r"```python\n(.*?)```", card.text.partition("# Model Card")[0], re.S)
    exec(code.replace("<this folder>", str(tmp_path)), names := {"base_model": build("bert")})
    assert len(sites_of(names["model"])) == 4
    model.save_pretrained(tmp_path)
    assert ModelCard.load(tmp_path / "README.md").text.count("# InA adapter") == 1


@pytest.mark.parametrize("own", ["My own words about PEFT.", "# Model Card for Model ID\n\nMy own numbers: 71.2"])
def test_text_that_somebody_wrote_into_the_card_stays(own, tmp_path):
    (tmp_path / "README.md").write_text(own)
    adapt(build("bert")).save_pretrained(tmp_path)
    card = ModelCard.load(tmp_path / "README.md")
    assert own in card.text and "ina" in card.data.tags
    assert ("# InA adapter" in card.text) == own.startswith("# Model Card")


@pytest.mark.parametrize("own", ["---\nlicense: [\n---\n", "café"])
def test_a_file_that_is_no_card_stays_and_the_adapter_is_saved(own, tmp_path):
    (tmp_path / "README.md").write_bytes(content := own.encode("latin-1"))
    with pytest.warns(UserWarning, match="README.md stays as it is, because it is not a valid model card"):
        InaConfig().save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_bytes() == content and (tmp_path / CONFIG).exists()


def test_an_adapter_of_another_version_of_transformers_is_not_opened_as_the_base_model(tmp_path):
    config = adapt(build("vit")).peft_config["default"]
    assert config.target_modules in ({"query", "key"}, {"q_proj", "k_proj"})
    config.target_modules = {"q_proj", "k_proj"} ^ {"query", "key"} ^ config.target_modules
    with pytest.raises(ValueError, match="arget modules .* not found"):
        get_peft_model(build("vit"), config)


def test_an_adapter_of_a_split_deberta_is_not_opened_as_the_base_model(tmp_path):
    split = split_fused_projections(build("deberta"))
    adapt(split, target_modules=target_modules(split, ("query", "key"))).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="arget modules .* not found"):
        PeftModel.from_pretrained(build("deberta"), tmp_path)
    assert len(sites_of(PeftModel.from_pretrained(split_fused_projections(build("deberta")), tmp_path))) == 4
