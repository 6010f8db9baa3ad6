"""A run keeps its trained model where it is asked to, and only there."""

import re
import shutil
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from tiny_models import PAIR
from tiny_runs import configured
from transformers import AutoModel

from ina import methods, models, record, run, saved_models, tiny
from ina.adapter import InaLinear

METHODS = {name: [f"method={name}"] for name in ("full", "head", "lora", "ina", "ia3")}
METHODS["head_bfloat16"] = ["method=head", "train.fast=true", "train.dtype=bfloat16"]
METHODS["gate"] = ["method=gate", "model=tiny_deberta_v2", "train.fast=true"]


@pytest.fixture(scope="module")
def kept(glue, tmp_path_factory):
    """By method: the settings of a run that kept its model, its record, the model it left and the folder kept."""
    found, left, save = {}, [], saved_models.save
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(saved_models, "save", lambda model, *more: left.append(model) or save(model, *more))
        for method, chosen in METHODS.items():
            out = tmp_path_factory.mktemp(method)
            cfg = configured(glue, out, "train.epochs=1", "keep_model=true", *chosen)
            result, _ = run.run(cfg)
            found[method] = cfg, result, left[-1], saved_models.path(out, None, "files", cfg.id)
    return found


@pytest.mark.parametrize("method", METHODS)
def test_a_kept_model_is_a_folder_of_its_weights_and_its_record_and_opens_as_it_was_trained(kept, method):
    cfg, result, left, folder = kept[method]
    assert folder.parts[-4:] == ("models", "adhoc", "files", cfg.id)
    assert [path.name for path in folder.parent.iterdir()] == [cfg.id]
    whole = method in ("full", "head", "head_bfloat16", "gate")
    assert (folder / ("model.safetensors" if whole else "adapter_model.safetensors")).is_file()
    recorded = record.read(folder / saved_models.RECORD_FILE)
    assert recorded == result
    settings = saved_models.settings(recorded)
    for name in ("id", "model", "task", "method", "train"):
        assert getattr(settings, name) == getattr(cfg, name)
    opened = saved_models.load(folder, settings)
    ids = torch.tensor([[2, 40, 41, 42, 3]])
    with torch.no_grad():
        rounded = {"rtol": 0.02, "atol": 0.01} if "bfloat16" in method else {}  # only the model of the run rounds
        torch.testing.assert_close(opened(ids).logits, left.eval()(ids).logits, **rounded)
    assert all(weight.dtype == torch.float32 for weight in opened.parameters())
    assert isinstance(opened, PeftModel) != whole
    assert any(isinstance(module, InaLinear) for module in opened.modules()) == (method == "ina")


def test_a_gated_model_opens_if_its_checkpoint_has_the_old_names_of_weights(kept, tmp_path):
    encoder = AutoModel.from_config(tiny.config("bert"))
    encoder.config.save_pretrained(tmp_path)
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}  # as in bert-base-uncased
    old = {
        re.sub(r"LayerNorm\.\w+$", lambda found: names[found[0]], name): w for name, w in encoder.state_dict().items()
    }
    save_file(old, tmp_path / "model.safetensors", metadata={"format": "pt"})
    cfg = configured(tmp_path, tmp_path, "task=cola", "method=gate", f"model.path={tmp_path}")
    backbone = models.load(cfg.model, PAIR, seed=1)
    model, _ = methods.prepare(cfg.method, backbone, models.head_modules(cfg.model, backbone))
    opened = saved_models.load(saved_models.save(model, kept["gate"][1], tmp_path), cfg).state_dict()
    assert opened.keys() == model.state_dict().keys()
    assert all(torch.equal(weight, opened[name]) for name, weight in model.state_dict().items())


def test_a_model_of_the_same_run_is_replaced(kept, tmp_path):
    _, result, left, _ = kept["ina"]
    folder = saved_models.path(tmp_path, result.experiment, result.source, result.id)
    folder.mkdir(parents=True)
    (folder / "of an earlier run").touch()
    (folder.with_name(f".{folder.name}.1.partial")).mkdir()
    saved_models.save(left, result, tmp_path)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "what a killed process left is removed"
    assert not (folder / "of an earlier run").exists() and (folder / saved_models.RECORD_FILE).is_file()


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


def without_classifier(file: Path) -> None:
    weights = load_file(file)
    save_file({name: weight for name, weight in weights.items() if "classifier" not in name}, file)


def of_lora(file: Path) -> None:
    file.write_text(file.read_text().replace('"INA"', '"LORA"'))


@pytest.mark.parametrize(
    ("method", "file", "damage", "told"),
    [
        ("ina", "adapter_config.json", of_lora, "peft_type is 'LORA', but method=ina saves 'INA'"),
        ("head", "model.safetensors", Path.unlink, "model.safetensors is missing; it holds all weights"),
        ("head", "model.safetensors", without_classifier, r"(?s)does not fit .*classifier.weight"),
        ("gate", "model.safetensors", Path.unlink, "model.safetensors is missing; it holds all weights"),
        ("gate", "model.safetensors", cut_off, "model.safetensors is truncated"),
    ],
)
def test_a_folder_that_lacks_a_file_or_holds_another_method_is_refused(kept, method, file, damage, told, tmp_path):
    cfg, _, _, folder = kept[method]
    copy = shutil.copytree(folder, tmp_path / "copy")
    damage(copy / file)
    with pytest.raises((FileNotFoundError, ValueError), match=told):
        saved_models.load(copy, cfg)
