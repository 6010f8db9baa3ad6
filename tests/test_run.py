"""One run: what it records, when it is skipped or refused, and how it fails."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import configured, numbers, overrides

from ina import config, plan, record, run, saved_models, speed, train, versions
from ina.record import RecordError


@pytest.fixture(scope="module")
def done(glue, tmp_path_factory):
    """A finished run: its settings, its record, its folder."""
    out = tmp_path_factory.mktemp("out")
    cfg = configured(glue, out, "wandb.mode=offline")
    result, new = run.run(cfg, command="python -m ina.run seed=1")
    assert new
    return cfg, result, out


def test_the_record_says_everything_about_the_run_and_under_which_circumstances_it_was_made(done):
    cfg, result, out = done
    assert record.read(out / "runs" / "adhoc" / "files" / "tiny_bert--stsb--ina--s1.json") == result
    assert (result.status, result.source, result.split, result.n) == ("done", "files", "validation", 24)
    assert result.data.rows == {"train": 40, "validation": 24}
    assert [one.epoch for one in result.evaluations] == [1, 2, 3]
    assert result.best == max(result.evaluations, key=lambda one: one.metrics["pearson"])
    assert set(result.last.metrics) == {"pearson", "spearman"}
    assert result.params.trainable == result.params.adapter + result.params.head
    assert result.config["method"]["inhibition"] == 0.3 and "dir" not in result.config["data"]
    assert result.wall_seconds > 0 and result.samples_per_second > 0
    made = result.provenance
    assert (made.command, made.dtype) == ("python -m ina.run seed=1", "float32")
    assert (made.effective_batch, made.processes, made.threads) == (8, 1, 1)
    assert made.started <= made.finished and made.versions["torch"] and made.python


@pytest.mark.parametrize(("idle", "threads"), [(1, 1), (3, 3), (9, 4)])
def test_a_run_has_a_thread_for_each_idle_core_and_no_more_than_torch_takes(idle, threads, tmp_path, monkeypatch):
    given = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    unset, set_to_7 = (config.configured([f"output_dir={tmp_path}", f"train.threads={value}"]) for value in ("null", 7))
    for cores, cfg in ((idle, unset), (2, unset), (2, set_to_7)):
        monkeypatch.setattr(speed, "idle_cores", lambda cores=cores: cores)
        run._begin(cfg, run._work_folder(cfg, "f" * 64))
    assert given == [threads, threads, 7], "the second, resumed, goes on as it began"


def test_runs_of_two_experiments_do_not_train_in_one_folder(tmp_path):
    cfg = config.configured([f"output_dir={tmp_path}", "train.threads=1"])
    folders = [run._work_folder(cfg.model_copy(update={"experiment": name}), "f" * 64) for name in "ab"]
    assert folders[0] != folders[1]


def test_a_recorded_run_whose_model_was_not_kept_says_so(done, caplog):
    cfg, _, out = done
    keeping = cfg.model_copy(update={"keep_model": True})
    with caplog.at_level("WARNING"):
        assert not run.run(keeping)[1]
    assert (
        "its model was not kept; to train it again, set results_dir=… and output_dir=… to your own folders"
        in caplog.text
    )


def test_a_job_that_ends_itself_to_queue_again_leaves_no_record(glue, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "fit", lambda *_, **__: sys.exit(-1))
    with pytest.raises(SystemExit):
        run.run(configured(glue, tmp_path))
    assert not list(tmp_path.glob("failed/**/*.json"))


def test_predictions_of_the_best_and_the_last_epoch_and_offline_wandb_stay_beside_the_record(done):
    cfg, result, out = done
    frame = record.read_predictions(out, result)
    assert list(frame) == ["split", "id", "label", "best_prediction", "last_prediction"]
    assert len(frame) == 24 and frame["id"].is_unique
    for selection in ("best", "last"):
        recorded = getattr(result, selection).metrics["pearson"]
        assert frame["label"].corr(frame[f"{selection}_prediction"]) == pytest.approx(recorded, abs=1e-5)
    assert {path.name for path in out.iterdir()} == {"runs", "predictions", "locks", "work", "wandb"}
    assert not any((out / "work").iterdir()) and list(out.glob("wandb/offline-run-*/*.wandb"))


def test_a_run_with_adalora_moves_its_ranks(glue, tmp_path):
    result, _ = run.run(configured(glue, tmp_path, "method=adalora", "train.learning_rate=0.01", "keep_model=true"))
    weights = load_file(saved_models.path(tmp_path, None, "files", result.id) / "adapter_model.safetensors")
    ranks = [int(weight.count_nonzero()) for name, weight in weights.items() if "lora_E" in name]
    assert len(ranks) == 4 and sum(ranks) == 4 * 8, "query and key of two layers, at the budget"


def test_a_run_on_multiple_choice_is_recorded_with_its_accuracy(tmp_path):
    given = ["model=tiny_bert", "task=swag", "data=probe", "data.max_train=24", "train.epochs=1", "train.threads=1"]
    result, _ = run.run(config.configured([*given, "train.dtype=float32", f"output_dir={tmp_path}"]))
    assert result.headline == "accuracy" and result.n == 400 and result.best.metrics["accuracy"] > 0


def test_a_recorded_run_is_skipped_and_says_so(done, caplog):
    cfg, result, out = done
    left = run._work_folder(cfg, result.fingerprint)
    left.mkdir()
    with caplog.at_level("INFO"):
        assert run.run(cfg) == (result, False)
    assert not left.exists(), "a process was killed after it had recorded the run"
    best = f"pearson best {result.best.metrics['pearson']:.4f} (epoch {result.best.epoch}), last "
    assert f"tiny_bert--stsb--ina--s1: already recorded, {best}" in caplog.text


def test_a_run_recorded_with_other_settings_is_refused_with_the_differing_keys(done, glue):
    cfg, result, out = done
    path = record.record_path(out, None, "files", cfg.id)
    before = path.read_bytes()
    with pytest.raises(RecordError) as refusal:
        run.run(configured(glue, out, "train.epochs=2", "train.weight_decay=0.1"))
    assert "train.epochs: 3 there, 2 here" in str(refusal.value)
    assert "train.weight_decay: off there, 0.1 here" in str(refusal.value)
    assert "train.batch_size" not in str(refusal.value)
    assert path.read_bytes() == before and not (out / "failed").exists()


def test_the_same_seed_gives_the_same_numbers_to_the_last_bit_and_another_seed_does_not(
    done, glue, tmp_path, monkeypatch
):
    cfg, result, out = done
    backwards = iter(range(2_000_000_000, 0, -100_000))
    monkeypatch.setattr("time.time", lambda: next(backwards))  # a clock that is set back must change only the times
    again, _ = run.run(configured(glue, tmp_path, "keep_model=true"))
    assert numbers(again) == numbers(result)
    assert (again.fingerprint, again.config) == (result.fingerprint, result.config), "keeping the model changes nothing"
    assert record.read_predictions(tmp_path, again).equals(record.read_predictions(out, result))
    assert again.provenance.started > again.provenance.finished and again.wall_seconds > 0
    other, _ = run.run(configured(glue, tmp_path, "seed=2"))
    assert numbers(other) != numbers(result)


@pytest.mark.parametrize("task", ["cola", "stsb"])
def test_a_run_that_diverges_fails(task, glue, tmp_path):
    settings = ("method=full", f"task={task}", "train.learning_rate=1.0e30")
    told = "scores are not finite after epoch 1: .* lower train.learning_rate than 1e.30"
    with pytest.raises(ValueError, match=told):
        run.run(configured(glue, tmp_path, *settings))
    assert not list(tmp_path.glob("results/**/*.json")) and list(tmp_path.glob("failed/**/*.json"))


def test_a_run_that_predicts_one_class_is_marked(glue, tmp_path, caplog):
    with caplog.at_level("INFO"):
        result, _ = run.run(configured(glue, tmp_path, "task=cola", "train.epochs=1", "train.learning_rate=1.0e-9"))
    assert result.last.degenerate and "DEGENERATE: constant prediction" in caplog.text
    assert ", float32, torch threads: 1" in caplog.text


@pytest.mark.parametrize(("then", "now", "dirty"), [(False, False, False), (True, False, True), (False, True, True)])
def test_code_that_was_modified_when_loaded_counts_as_uncommitted_even_after_a_revert(then, now, dirty, monkeypatch):
    states = iter([("a" * 40, then), ("a" * 40, now)])
    monkeypatch.setattr(versions, "git_state", lambda *_: next(states))
    versions.loaded.cache_clear()
    assert versions.code() == ("a" * 40, dirty)
    versions.loaded.cache_clear()


@pytest.mark.parametrize(
    ("clean", "changed", "home"),
    [
        (True, [], "results"),
        (True, ["train.dtype=float32"], "outputs"),
        (True, ["train.threads=2"], "results"),
        (False, [], "outputs"),
        (True, ["train.epochs=9"], "outputs"),
        (True, ["seed=77"], "outputs"),
        (True, ["data.distractors=8"], "outputs"),
        (True, ["data.test_distractors=[8]"], "outputs"),
    ],
)
def test_only_an_unchanged_run_of_a_committed_experiment_from_a_clean_tree_belongs_to_the_results(clean, changed, home):
    committed = ["experiment=distractors", "method=lora", "seed=1", "task=squad_v1"]
    assert plan.record_root(config.configured(committed + changed), clean).name == home


def test_bad_rows_are_a_failed_run_whose_data_is_unknown(glue, tmp_path):
    (tmp_path / "CoLA").mkdir()
    for name in ("train.tsv", "dev.tsv"):
        (tmp_path / "CoLA" / name).write_text("gj04\t7\t\tA cat.\n")
    with pytest.raises(ValueError, match="train.tsv"):
        run.run(configured(tmp_path, tmp_path / "out", "task=cola"))
    failure = record.read(next((tmp_path / "out" / "failed").rglob("*.json")))
    assert failure.data is None and failure.fingerprint is None and "train.tsv" in failure.error


@pytest.fixture
def disk(tmp_path):
    """A disk with 0.1 MB left."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", folder], capture_output=True).returncode:
        pytest.skip("only root can mount a file system")
    (folder / "ballast").write_bytes(bytes(3_900_000))
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_ends_the_run_with_its_message_and_the_next_try_succeeds(glue, disk, cli):
    code, out, err = cli(*overrides(glue, disk, "method=full"))
    assert code == 1 and re.search("No space left on device|cannot be written, 0 MB are left", out + err)
    assert not list(record.read_all(disk)) and not list(disk.rglob("*.partial"))
    (disk / "ballast").unlink()
    assert cli(*overrides(glue, disk, "method=full"))[0] == 0


@pytest.mark.parametrize("folder", ["output_dir", "results_dir"])
def test_a_run_that_cannot_write_its_results_ends_before_it_trains(folder, glue, tmp_path, cli, monkeypatch):
    monkeypatch.setattr(train, "fit", lambda *_, **__: pytest.fail("it trained"))
    monkeypatch.setattr(plan, "record_root", lambda cfg, clean: Path(cfg.results_dir))
    code, _, err = cli(*overrides(glue, tmp_path / "out", f"{folder}=/dev/null/there"))
    assert code == 1 and re.search("error: nothing can be written to /dev/null/there.*another folder", err)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["method.r=0"], "^error: .*\n  method.r=0: "),
        (["train.epoch=3"], "^error: train.epoch: there is no such setting; did you mean epochs?"),
        (["task=cola,stsb"], "^error: task=cola,stsb means several runs: add -m to do them all"),
        (["seed=range(1,3)"], r"^error: seed=range\(1,3\) means several runs: add -m to do them all"),
        (["scale=mini"], "^error: scale=mini needs an experiment: experiment=glue scale=mini\n$"),
        (["data.dir=/no/such/folder"], "^error: .*/no/such/folder"),
        (["model=bert_base", "model.path=/no/such/model"], "error: model.path=/no/such/model"),
    ],
)
def test_an_error_of_each_kind_is_one_sentence_and_leaves_nothing_behind(arguments, told, glue, tmp_path, cli):
    code, out, err = cli(*overrides(glue, tmp_path / "out", *arguments))
    assert (code, out) == (1, "") and re.search(told, err)
    assert not (tmp_path / "out").exists()


def test_a_run_says_which_recipe_it_follows(glue, tmp_path, cli):
    out = cli(*overrides(glue, tmp_path / "out", "model=bert_large", "model.path=/no/such/model"))[1]
    assert out == "settings of bert_large--ina, see configs/recipe\n"
