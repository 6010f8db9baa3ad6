"""A record is written whole or not at all, read back as it was, and refused when it is damaged."""

import json
import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from ina import record, versions
from ina.labels import method_label
from ina.record import DataInfo, Evaluation, Params, Provenance, Record, RecordError

CONFIG = {
    "model": {"name": "minilm", "label": "MiniLM"},
    "task": {"name": "cola", "label": "CoLA"},
    "method": {"kind": "ina", "name": "ina", "inhibition": 0.3},
    "seed": 1,
}
EVALUATIONS = [
    Evaluation(epoch=epoch, metrics={"mcc": value}, degenerate=False, train_loss=None)
    for epoch, value in ((1, 0.1 + 0.2), (2, 0.25))
]


def example(**changes) -> Record:
    fields = dict(
        id="minilm--cola--ina--s1", model="minilm", task="cola", method="ina", seed=1, experiment="glue_mini",
        source="probe", fingerprint="f" * 64, status="done", headline="mcc",
        data=DataInfo(source="probe", fingerprint="d" * 64, rows={"train": 3, "validation": 2}),
        config=CONFIG,
        provenance=Provenance(
            commit=None, dirty=None, command="python -m ina.run", python="3.11.7", versions={}, model_revision=None,
            device="cpu", processes=1, effective_batch=32, dtype="float32", threads=1, started="", finished="",
        ),
        split="validation", n=2,
        evaluations=EVALUATIONS, best=EVALUATIONS[0], last=EVALUATIONS[1],
        predictions="predictions/glue_mini/probe/minilm--cola--ina--s1.parquet",
        params=Params(adapter=1, head=2, trainable=3, total=4),
    )  # fmt: skip
    return Record(**(fields | changes))


FRAME = pd.DataFrame({"split": "validation", "id": [0, 1], "label": [1, 0], "best_prediction": [1, 1]})


@pytest.fixture
def path(tmp_path):
    """A record that is written."""
    return record.write(tmp_path, example(), FRAME)


def test_a_record_and_its_predictions_are_read_back_unchanged_and_unknown_is_null(path, tmp_path):
    assert path == tmp_path / "runs" / "glue_mini" / "probe" / "minilm--cola--ina--s1.json"
    assert record.read(path) == example() and example().evaluations[0].metrics["mcc"] == 0.1 + 0.2
    pd.testing.assert_frame_equal(record.read_predictions(tmp_path, example()), FRAME)
    assert json.loads(path.read_text())["peak_memory_mb"] is None


@pytest.mark.parametrize(("version", "source", "now"), [(1, "files", None), (1, "probe", 2), (2, "files", 2)])
def test_distractors_in_records_of_version_1_are_the_probes_alone(version, source, now, tmp_path):
    config = CONFIG | {"data": {"distractors": 2}, "task": {"name": "squad_v1", "label": "SQuAD v1.1"}}
    run = example(id="minilm--squad_v1--ina--s1", schema_version=2, source=source, config=config, task="squad_v1")
    written = record.write(tmp_path, run, FRAME)
    written.write_text(written.read_text().replace('"schema_version": 2', f'"schema_version": {version}'))
    assert record.read(written).config["data"]["distractors"] == now


def test_a_failed_run_is_never_stored_among_the_finished_ones(tmp_path):
    path = record.write(tmp_path, example(status="failed", error="boom", predictions=None))
    assert path.is_relative_to(tmp_path / "failed") and record.read(path).error == "boom"
    assert list(record.read_all(tmp_path)) == []


def test_reading_all_can_be_limited_to_some_experiments(tmp_path):
    for experiment, source in (("a", "files"), ("a", "probe"), ("b", "probe"), (None, "probe")):
        record.write(tmp_path, example(experiment=experiment, source=source), FRAME)
    assert [len(list(record.read_all(tmp_path, names))) for names in (None, ["a"], ["a", "adhoc"])] == [4, 2, 3]


def test_a_record_keeps_the_labels_it_was_written_with(path):
    written = json.loads(path.read_text())
    assert written["labels"] == {"model": "MiniLM", "task": "CoLA", "method": "InA (Inh 0.3)"}
    renamed = example(config=CONFIG | {"model": {"name": "minilm", "label": "MiniLM-L6"}}, labels=written["labels"])
    assert renamed.labels.model == "MiniLM"


@pytest.mark.parametrize(
    ("settings", "label"),
    [
        ({"kind": "full", "name": "full"}, "Full fine-tuning"),
        ({"kind": "lora", "name": "lora", "r": 8, "alpha": 16.0}, "LoRA"),
        ({"kind": "lora", "name": "lora", "r": 4}, "LoRA (r 4)"),
        ({"kind": "lora", "name": "lora_released", "r": 4}, "LoRA, released code"),
        ({"kind": "ina", "name": "ina", "inhibition": 0.0, "activation": "identity"}, "InA (Inh 0, identity)"),
        ({"kind": "ina", "name": "ina_p10", "inhibition": 0.1}, "InA (Inh 0.1)"),
        ({"kind": "ina", "name": "ina_released", "inhibition": 0.9}, "InA, released code (Inh 0.9)"),
        ({"kind": "gate", "name": "gate_p0", "inhibition": 0, "layers": 3}, "giBERT, full-rank gate (Inh 0, layers 3)"),
        ({"kind": "ina", "name": "ina", "threshold": "tensor"}, "InA (threshold per tensor)"),
        ({"kind": "novel", "name": "novel"}, "novel"),
        ({"kind": "peft", "name": "novel", "label": "Novel"}, "Novel"),
        ({"kind": "peft", "name": "dora", "label": "DoRA", "arguments": {"r": 4}}, "DoRA (r 4)"),
    ],
)
def test_a_methods_label_follows_from_its_settings(settings, label):
    assert method_label(settings) == label


def test_every_committed_record_is_sound_and_lies_where_its_run_belongs_and_its_cost_is_counted():
    results = Path(__file__).parent.parent / "results"
    [counted] = re.findall(r"^\| all +\| +\| +([\d,]+) \|", (results / "COSTS.md").read_text(), re.M)
    assert len(list(record.read_all(results))) == int(counted.replace(",", ""))


@pytest.mark.parametrize(
    ("was", "damaged", "told"),
    [
        ("{", "", "file: Invalid JSON"),
        ('"seed"', '"sed"', "sed|seed"),
        ('"config"', '"confg"', "file: a field is missing or of a wrong type .KeyError.'config'."),
        ('"schema_version": 2', '"schema_version": 99', "schema version 2.*: schema_version: "),
        ('"status": "done"', '"status": "finished"', "status: Input should be 'done', 'failed'"),
        ('"status": "done"', '"status": "failed"', "status: 'failed' should be 'done' here"),
        ("0.25", "NaN", "evaluations.1.metrics.mcc: Input should be a finite number"),
        ('"headline": "mcc"', '"headline": "f1"', "headline: 'f1' is not one of the metrics after epoch 1"),
        ('"last": {\n  "epoch": 2', '"last": {\n  "epoch": 1', "`last` is not the last of `evaluations`"),
        ('"method": "ina"', '"method": "lora"', "file: model, task, method and seed are not those of `config`"),
        ('"id": "minilm--cola', '"id": "minilm--rte', "file: id: minilm--rte.* is of another model, task"),
        ('"n": 2', '"n": null', "file: data, params and n may be null only if the run did not finish"),
        ('"best": {\n  "epoch": 1', '"best": {\n  "epoch": 3', "`best` is not the evaluation with the highest mcc"),
    ],
)
def test_a_damaged_record_is_refused_by_file_and_key(was, damaged, told, path, tmp_path):
    assert was in path.read_text()
    path.write_text(path.read_text().replace(was, damaged))
    with pytest.raises(RecordError, match=f"^{re.escape(str(path))}.* (?s:.*)({told})(?s:.*)elete it to repeat"):
        list(record.read_all(tmp_path))


@pytest.mark.parametrize("copy", ["minilm--cola--ina--s2.json", "../files/x.json"])
def test_a_copy_of_a_record_is_refused(copy, path, tmp_path):
    (path.parent.parent / "files").mkdir()
    (path.parent / copy).write_text(path.read_text())
    message = "it holds the record of runs/glue_mini/probe/minilm--cola--ina--s1.json; delete the copy"
    with pytest.raises(RecordError, match=re.escape(message)):
        list(record.read_all(tmp_path))


def test_what_is_missing_or_may_not_be_read_is_named(path, tmp_path, monkeypatch):
    (tmp_path / str(example().predictions)).unlink()
    with pytest.raises(RecordError, match="predictions of minilm--cola--ina--s1 are missing"):
        record.read_predictions(tmp_path, example())
    monkeypatch.setattr(record.os, "access", lambda folder, mode: folder != path.parent)
    with pytest.raises(RecordError, match=f"{path.parent} cannot be read; change its permissions"):
        list(record.read_all(tmp_path))


def test_a_folder_or_file_without_permission_is_named_with_what_to_do(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(
        OSError, match=r"nothing can be written to .*taken \(.*\); name another folder with output_dir="
    ):
        record.check_writable(tmp_path / "taken")
    told = record.explained(PermissionError(13, "Permission denied", "results/runs"))
    assert told == "results/runs may not be read or written; change its permissions, or name another folder"


def test_a_record_is_never_written_without_its_predictions(tmp_path, monkeypatch):
    monkeypatch.setattr(pd.DataFrame, "to_parquet", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        record.write(tmp_path, example(), pd.DataFrame())
    assert not list(tmp_path.rglob("*.*"))


def test_a_failed_write_leaves_no_partial_file_and_the_old_one_unchanged(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def half(file):
        file.write_text("ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        record.write_atomically(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_commit_that_only_adds_records_does_not_change_the_version_of_the_code(tmp_path):
    def committed(file: str) -> str | None:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        for command in (["add", "."], [*who, "commit", "-m", file]):
            subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)
        return versions.code_sha256(tmp_path / "ina")

    assert versions.git_state(tmp_path) == (None, None), "outside a repository nothing is known"
    subprocess.run(["git", "init"], cwd=tmp_path, check=True, capture_output=True)
    first = committed("ina/run.py")
    assert first and committed("results/record.json") == first
    loaded = versions.git_state(tmp_path)[0]
    assert committed("ina/train.py") != first and versions.git_state(tmp_path, loaded) == (loaded, True)
    assert versions.git_state(tmp_path)[1] is False
    (tmp_path / "ina" / "train.py").write_text("changed")
    assert versions.git_state(tmp_path)[1] is True
