"""A record is written whole or not at all, read back as it was, and refused when it is damaged."""

import json
import subprocess

import pandas as pd
import pytest

from ina import record
from ina.record import DataInfo, Evaluation, Params, Record, RecordError

MEASURED = Evaluation(epoch=1, metrics={"mcc": 0.1 + 0.2}, degenerate=False, train_loss=None)


def example(**changes) -> Record:
    fields = dict(
        id="minilm--cola--ina--s1", model="minilm", task="cola", method="ina", seed=1, experiment="glue_mini",
        source="probe", fingerprint="f" * 64, status="done", headline="mcc",
        data=DataInfo(source="probe", fingerprint="d" * 64, rows={"train": 3, "validation": 2}),
        config={"seed": 1},
        provenance=record.provenance(
            commit=None, dirty=None, model_revision=None, device="cpu", processes=1, effective_batch=32,
            dtype="float32", threads=1, started=0.0, command="python -m ina.run",
        ),
        split="validation", n=2,
        evaluations=[MEASURED], best=MEASURED, last=MEASURED,
        predictions="predictions/glue_mini/probe/minilm--cola--ina--s1.parquet",
        params=Params(adapter=1, head=2, trainable=3, total=4),
    )  # fmt: skip
    return Record(**(fields | changes))


FRAME = pd.DataFrame({"split": "validation", "id": [0, 1], "label": [1, 0], "best_prediction": [1, 1]})


def test_a_record_and_its_predictions_come_back_as_they_were(tmp_path):
    path = record.write(tmp_path, example(), FRAME)
    assert path == tmp_path / "runs" / "glue_mini" / "probe" / "minilm--cola--ina--s1.json"
    found = record.read(path)
    assert found == example(provenance=found.provenance)
    assert found.evaluations[0].metrics["mcc"] == 0.1 + 0.2
    pd.testing.assert_frame_equal(record.read_predictions(tmp_path, found), FRAME)


def test_unknown_is_null(tmp_path):
    written = json.loads(record.write(tmp_path, example(), FRAME).read_text())
    assert written["provenance"]["commit"] is None
    assert written["peak_memory_mb"] is None


def test_reading_all_can_be_limited_to_an_experiment_and_a_source(tmp_path):
    for experiment, source in (("a", "files"), ("a", "probe"), ("b", "probe")):
        record.write(tmp_path, example(experiment=experiment, source=source), FRAME)
    assert len(list(record.read_all(tmp_path))) == 3
    assert len(list(record.read_all(tmp_path, "a"))) == 2
    assert len(list(record.read_all(tmp_path, "a", "probe"))) == 1


NO_RECORD = "is no valid record .*delete it to run it again"


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda text: text[:200], NO_RECORD),
        (lambda text: "", NO_RECORD),
        (lambda text: text.replace('"seed"', '"sed"'), NO_RECORD),
        (lambda text: text.replace('"done"', '"finished"'), "status: Input should be 'done', 'failed'"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 99'), "schema version 1"),
    ],
)
def test_a_damaged_record_is_refused_by_name(tmp_path, damage, told):
    path = record.write(tmp_path, example(), FRAME)
    path.write_text(damage(path.read_text()))
    with pytest.raises(RecordError, match=f"{path.name}.*{told}"):
        record.read(path)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (dict(task="snli"), "task: 'snli' is none of cola, sst2, "),
        (dict(headline="accuracy"), "headline: 'accuracy' is none of best.metrics, mcc"),
        (dict(best=None), "best: is missing though the status is 'done'"),
        (
            dict(last=MEASURED.model_copy(update={"metrics": {"mcc": 0.3, "bleu": 0.3}})),
            "last.metrics: 'bleu' is no metric",
        ),
    ],
)
def test_what_the_tables_do_not_know_is_refused_by_file_and_key(changes, told, tmp_path):
    path = record.write(tmp_path, example(**changes), FRAME)
    with pytest.raises(RecordError) as error:
        record.read(path)
    assert str(error.value).startswith(f"{path}: {told}") and "delete it to run it again" in str(error.value)


def test_a_run_that_did_not_finish_is_refused_among_those_that_did(tmp_path):
    path = record.write(tmp_path, example(status="failed"), FRAME)
    with pytest.raises(RecordError, match=f"{path.name}: status: 'failed' should be 'done' here"):
        list(record.read_all(tmp_path))


def test_a_folder_that_may_not_be_read_is_an_error_and_not_empty(tmp_path, monkeypatch):
    folder = record.write(tmp_path, example(), FRAME).parent
    monkeypatch.setattr(record.os, "access", lambda path, mode: path != folder)
    with pytest.raises(RecordError, match=f"{folder} cannot be read; change its permissions"):
        list(record.read_all(tmp_path))


def test_a_folder_that_cannot_be_written_to_is_named_with_the_settings_that_choose_another(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(
        OSError, match=r"nothing can be written to .*taken \(.*\); name another folder with output_dir="
    ):
        record.check_writable(tmp_path / "taken")


def test_an_error_of_permission_is_told_as_a_sentence():
    error = PermissionError(13, "Permission denied", "results/runs")
    told = "results/runs may not be read or written; change its permissions, or name another folder"
    assert record.explained(error) == told


def test_missing_predictions_are_named(tmp_path):
    record.write(tmp_path, example(), FRAME)
    (tmp_path / str(example().predictions)).unlink()
    with pytest.raises(RecordError, match="predictions of minilm--cola--ina--s1 are missing"):
        record.read_predictions(tmp_path, example())


def test_what_fails_in_writing_leaves_neither_a_half_file_nor_the_old_one_changed(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def half(file):
        file.write_text("ne")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        record.write_atomically(path, half)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_outside_a_repository_the_commit_is_unknown(tmp_path):
    assert record.git_state(tmp_path) == (None, None)


def test_a_commit_of_records_leaves_the_package_what_it_was(tmp_path):
    def committed(file: str) -> str | None:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        for command in (["add", "."], [*who, "commit", "-m", file]):
            subprocess.run(["git", *command], cwd=tmp_path, check=True, capture_output=True)
        return record.package_tree(tmp_path, "HEAD")

    subprocess.run(["git", "init"], cwd=tmp_path, check=True, capture_output=True)
    first = committed("ina/run.py")
    assert first and committed("results/record.json") == first and committed("ina/train.py") != first
    assert record.package_tree(tmp_path, None) is None
