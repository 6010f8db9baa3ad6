"""start=mnli: RTE, MRPC and STS-B go on from the trained MNLI model, whose run is done first."""

import copy
import shutil

import pytest
import torch

from ina import config, models, plan, record, run, saved_models, train
from ina.config import ConfigError
from ina.tasks import family as task_family

SMALL = ["model=tiny_bert", "data=probe", "data.max_train=16", "train.epochs=1", "train.threads=1"]
MNLI, RTE, STSB = (f"tiny_bert--{task}--ina--s1" for task in ("mnli", "rte", "stsb"))


def configured(*overrides):
    return config.configured([*SMALL, *overrides])


def test_start_is_off_by_default_applies_to_three_tasks_and_is_refused_for_mnli_and_squad():
    tasks = ("mnli", "qqp", "qnli", "sst2", "cola", "stsb", "mrpc", "rte", "wnli", "squad_v1")
    assert not any(configured(f"task={task}").train.start for task in tasks)
    asked = {task for task in tasks if configured(f"task={task}", "start=mnli").train.start}
    assert asked == {"stsb", "mrpc", "rte"}
    assert configured("task=cola", "start=mnli") == configured("task=cola")
    for task in ("mnli", "squad_v1"):
        with pytest.raises(ConfigError, match=f"train.start=mnli is for the other tasks of GLUE, not {task}"):
            configured(f"task={task}", "train.start=mnli")


def test_the_mnli_run_comes_once_before_those_that_start_from_it_and_has_their_method():
    runs = plan.expand([*SMALL, "start=mnli", "task=rte,stsb", "method=lora,ina"])
    assert [f"{one.task.name} {one.method.name}" for one in runs] == [
        "mnli lora", "rte lora", "mnli ina", "rte ina", "stsb lora", "stsb ina"
    ]  # fmt: skip
    assert [one.keep_model for one in runs] == [one.task.name == "mnli" for one in runs]
    runs = plan.expand(["model=bert_large", "method=ina", "start=mnli", "task=mrpc,stsb", "method.dropout=0"])
    assert [one.id.removeprefix("bert_large--") for one in runs] == [
        "mnli--ina-dropout0.0--s1", "mrpc--ina-dropout0.0--s1",
        "mnli--ina-r8-dropout0.0--s1", "stsb--ina-dropout0.0--s1",
    ]  # fmt: skip
    assert runs[2].method == runs[3].method


# Table 9, "LoRA"; its batch sizes are those of one of 8 GPUs
@pytest.mark.parametrize(
    ("task", "batch", "epochs", "rate"), [("rte", 64, 20, 4e-4), ("mrpc", 32, 20, 3e-4), ("stsb", 64, 30, 2e-4)]
)
def test_lora_on_roberta_then_has_the_lora_papers_settings_for_a_start_from_mnli(task, batch, epochs, rate):
    cfg = config.configured(["model=roberta_large", "method=lora", f"task={task}", "start=mnli"])
    assert (cfg.train.batch_size, cfg.train.epochs, cfg.train.learning_rate) == (batch, epochs, rate)
    assert cfg.task.max_length == 512


def test_one_command_does_the_mnli_run_and_then_the_run_which_records_where_it_started(cli, tmp_path):
    command = [*SMALL, "task=rte", f"output_dir={tmp_path}"]
    code, told, _ = cli(*command, "start=mnli")
    assert code == 0 and told.index(f"{MNLI}: accuracy_matched") < told.index(f"{RTE}: starts from {MNLI}")
    found = {one.id: one for one in record.read_all(tmp_path)}
    assert found.keys() == {MNLI, RTE}
    assert found[RTE].start == found[MNLI].fingerprint and found[RTE].config["train"]["start"] == "mnli"
    assert "task=mnli" in found[MNLI].provenance.command

    code, told, _ = cli("-m", *SMALL, "task=rte,stsb", "start=mnli", f"output_dir={tmp_path}")
    assert code == 0 and "3 runs: 1 done, 2 recorded before" in told
    assert {one.id for one in record.read_all(tmp_path)} == {MNLI, RTE, STSB}
    code, _, told = cli(*command)
    assert code == 1 and "start.fingerprint: " in told and "train.start: 'mnli' there, off here" in told

    record.record_path(tmp_path, None, "probe", RTE).unlink()
    shutil.rmtree(tmp_path / "models")
    code, _, told = cli(*command, "start=mnli")
    assert code == 1 and f"{MNLI} is recorded, but" in told and "does not hold its model; delete its record" in told


def test_what_starts_from_a_failed_run_fails_too_and_nothing_is_tried_twice(cli, tmp_path, monkeypatch):
    tried = []

    def broken(cfg, *_):
        tried.append(cfg.id)
        raise ValueError("a broken run")

    monkeypatch.setattr(run, "_train", broken)
    code, told, _ = cli("-m", *SMALL, "task=rte,stsb", "start=mnli", f"output_dir={tmp_path}")
    assert code == 1 and "3 runs: 0 done, 0 recorded before, 3 failed" in told
    assert told.count(f"starts from {MNLI}, which is not done") == 2
    assert tried == [MNLI]


def test_what_starts_from_a_run_that_another_process_is_doing_has_not_failed(tmp_path):
    mnli, rte = (configured(f"task={task}", "start=mnli", f"output_dir={tmp_path}") for task in ("mnli", "rte"))
    with record.hold_lock(record.lock_path(tmp_path, None, "probe", mnli.id), False), pytest.raises(record.Busy):
        run.run(rte, first=mnli, wait=False)
    assert not list(tmp_path.glob("failed/**/*.json"))


def test_a_run_and_its_start_have_the_same_data_source(glue, tmp_path):
    mnli = configured("task=mnli", "start=mnli", f"output_dir={tmp_path}")
    stsb = configured("task=stsb", "start=mnli", "data=files", f"data.dir={glue}", f"output_dir={tmp_path}")
    with pytest.raises(ValueError, match="these use mnli probe, stsb files"):
        run.run(stsb, first=mnli)


@pytest.mark.parametrize(("family", "method"), [("bert", "full"), ("roberta", "ina"), ("deberta_v2", "lora")])
def test_training_starts_with_the_encoder_that_mnli_left_and_a_new_head(family, method, tmp_path, monkeypatch):
    def outputs(model):
        """The output of the encoder, adapters included, in float64, and the weights of the head."""
        model = copy.deepcopy(model).double().eval()
        ids = torch.tensor([[2, 40, 41, 42, 3]])
        with torch.no_grad():
            hidden = model(ids, output_hidden_states=True).hidden_states[-1]
        return hidden, [weight.detach().clone() for name, weight in model.named_parameters() if "classifier" in name]

    started = []

    def stop_before_training(model, *_, **__):
        started.append(outputs(model))
        raise KeyboardInterrupt

    learned = ["train.learning_rate=0.01", "train.batch_size=4", f"model=tiny_{family}", f"method={method}"]
    learned += [f"output_dir={tmp_path}"]
    mnli, rte = (configured(f"task={task}", "start=mnli", *learned) for task in ("mnli", "rte"))
    run.run(mnli)
    monkeypatch.setattr(train, "fit", stop_before_training)
    with pytest.raises(KeyboardInterrupt):
        run.run(rte, first=mnli)
    hidden, head = started[0]
    left, _ = outputs(saved_models.load(saved_models.path(tmp_path, None, "probe", mnli.id), mnli))
    torch.testing.assert_close(hidden, left)
    plain, fresh = outputs(models.load(rte.model, task_family("glue").head(rte.task), rte.seed))
    assert (hidden - plain).abs().max() > 1e-5
    assert torch.equal(head[-2], fresh[-2])  # the weight of the last layer
