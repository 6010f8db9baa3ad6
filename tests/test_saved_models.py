"""A run keeps its trained model where it is asked to, and only there."""

import pytest
import torch
from peft import PeftModel
from tiny_runs import configured

from ina import record, run, saved_models
from ina.adapter import InaLinear


def trained(glue, out, *more: str):
    cfg = configured(glue, out, "train.epochs=1", "keep_model=true", *more)
    return cfg, run.run(cfg)[0]


@pytest.mark.parametrize("method", ["full", "lora", "ina"])
def test_a_kept_model_is_a_folder_of_its_weights_and_its_record(glue, tmp_path, method):
    cfg, result = trained(glue, tmp_path, f"method={method}")
    folder = tmp_path / "models" / "adhoc" / "files" / cfg.id
    weights = "model.safetensors" if method == "full" else "adapter_model.safetensors"
    assert (folder / weights).is_file()
    assert record.read(folder / saved_models.RECORD_FILE) == result
    assert [path.name for path in folder.parent.iterdir()] == [cfg.id]


def test_keeping_the_model_changes_no_number_and_no_fingerprint(glue, tmp_path):
    _, result = trained(glue, tmp_path / "a")
    other, _ = run.run(configured(glue, tmp_path / "b", "train.epochs=1"))
    same = ("fingerprint", "evaluations", "config")
    assert [getattr(other, name) for name in same] == [getattr(result, name) for name in same]
    assert not (tmp_path / "b" / "models").exists()


def test_a_model_of_the_same_run_is_replaced(glue, tmp_path):
    cfg, result = trained(glue, tmp_path)
    folder = saved_models.path(tmp_path, None, "files", cfg.id)
    (folder / "of an earlier run").touch()
    record.record_path(tmp_path, None, "files", cfg.id).unlink()
    run.run(cfg)
    assert not (folder / "of an earlier run").exists() and (folder / saved_models.RECORD_FILE).is_file()


@pytest.mark.parametrize("method", ["full", "lora", "ina"])
def test_a_kept_model_opens_as_it_was_trained(glue, tmp_path, method, monkeypatch):
    left = []
    save = saved_models.save
    monkeypatch.setattr(saved_models, "save", lambda model, *more: left.append(model) or save(model, *more))
    cfg, result = trained(glue, tmp_path, f"method={method}")
    folder = saved_models.path(tmp_path, None, "files", cfg.id)
    opened = saved_models.load(folder, saved_models.settings(record.read(folder / saved_models.RECORD_FILE)))
    ids = torch.tensor([[2, 40, 41, 42, 3]])
    with torch.no_grad():
        torch.testing.assert_close(opened(ids).logits, left[0].eval()(ids).logits)
    assert isinstance(opened, PeftModel) == (method != "full")
    assert any(isinstance(module, InaLinear) for module in opened.modules()) == (method == "ina")


def test_the_settings_of_a_record_are_those_of_its_run(glue, tmp_path):
    cfg, result = trained(glue, tmp_path)
    restored = saved_models.settings(result)
    assert (restored.id, restored.model, restored.task, restored.method, restored.train) == (
        cfg.id, cfg.model, cfg.task, cfg.method, cfg.train
    )  # fmt: skip


def test_a_folder_without_weights_is_refused_by_name(glue, tmp_path):
    cfg, _ = trained(glue, tmp_path)
    folder = saved_models.path(tmp_path, None, "files", cfg.id)
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="adapter_model.safetensors is missing"):
        saved_models.load(folder, cfg)


def test_an_adapter_folder_without_its_config_is_refused_by_name(glue, tmp_path):
    cfg, _ = trained(glue, tmp_path)
    folder = saved_models.path(tmp_path, None, "files", cfg.id)
    (folder / "adapter_config.json").unlink()
    with pytest.raises(FileNotFoundError, match="adapter_config.json is missing; an adapter folder holds"):
        saved_models.load(folder, cfg)


def test_an_adapter_of_another_method_than_the_run_s_is_refused(glue, tmp_path):
    cfg, _ = trained(glue, tmp_path)
    folder = saved_models.path(tmp_path, None, "files", cfg.id)
    file = folder / "adapter_config.json"
    file.write_text(file.read_text().replace('"INA"', '"LORA"'))
    with pytest.raises(ValueError, match="adapter_config.json: peft_type is 'LORA', but the run is one of ina, which"):
        saved_models.load(folder, cfg)
