"""A run that is killed and started again ends with the numbers, to the last bit, that it would have had anyway."""

import os
import random
import shutil
import signal
import time

import pytest
from tiny_runs import configured, numbers, overrides, start

from ina import checkpoint, record, run

RUN_ID = "tiny_bert--stsb--ina--s1"


@pytest.fixture(scope="module")
def unkilled(glue, tmp_path_factory):
    """The numbers and predictions of a run that nothing interrupts."""
    out = tmp_path_factory.mktemp("unkilled")
    result, _ = run.run(configured(glue, out))
    return numbers(result), record.read_predictions(out, result)


@pytest.fixture
def stop_at(monkeypatch):
    """Make a run end as if killed when a checkpoint is sealed: the nth time, before or after."""

    def stop(nth: int, when: str) -> None:
        seal, calls = checkpoint.seal, []

        def ending(path):
            calls.append(path)
            if len(calls) == nth and when == "before":
                raise KeyboardInterrupt
            seal(path)
            if len(calls) == nth:
                raise KeyboardInterrupt

        monkeypatch.setattr(checkpoint, "seal", ending)

    return stop


def interrupted(cfg) -> None:
    with pytest.raises(KeyboardInterrupt):
        run.run(cfg)


def work_folder(out):
    return next((out / "work").iterdir())


def check_same(unkilled, out, result) -> None:
    assert numbers(result) == unkilled[0]
    assert record.read_predictions(out, result).equals(unkilled[1])
    assert not any((out / "work").iterdir()), "checkpoints of a finished run are removed"


def test_killed_at_random_moments_a_run_ends_with_the_same_numbers(unkilled, glue, tmp_path):
    draw = random.Random(os.urandom(8))
    kills = 0
    path = record.record_path(tmp_path, None, "files", RUN_ID)
    while not path.exists():
        process = start(overrides(glue, tmp_path), tmp_path / "log")
        if kills < 3:
            while process.is_alive() and not (tmp_path / "work").exists():
                time.sleep(0.01)
            time.sleep(draw.uniform(0, 1.0))
            process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        assert process.exitcode in (0, -signal.SIGKILL), (tmp_path / "log").read_text()
    assert kills
    check_same(unkilled, tmp_path, record.read(path))


@pytest.mark.parametrize(("nth", "when"), [(1, "before"), (1, "after"), (2, "before"), (3, "after")])
def test_killed_around_a_checkpoint_a_run_ends_with_the_same_numbers(
    nth, when, unkilled, glue, tmp_path, stop_at, monkeypatch
):
    cfg = configured(glue, tmp_path)
    stop_at(nth, when)
    interrupted(cfg)
    monkeypatch.undo()
    check_same(unkilled, tmp_path, run.run(cfg)[0])


@pytest.mark.parametrize("method", ["full", "lora"])
def test_other_methods_resume_to_the_same_numbers_too(method, glue, tmp_path, stop_at, monkeypatch):
    whole, _ = run.run(configured(glue, tmp_path / "whole", f"method={method}"))
    cfg = configured(glue, tmp_path / "killed", f"method={method}")
    stop_at(2, "after")
    interrupted(cfg)
    monkeypatch.undo()
    assert numbers(run.run(cfg)[0]) == numbers(whole)


def test_a_resumed_run_goes_on_after_its_last_epoch(glue, tmp_path, stop_at, monkeypatch, caplog):
    cfg = configured(glue, tmp_path)
    stop_at(2, "after")
    interrupted(cfg)
    monkeypatch.undo()
    with caplog.at_level("INFO"):
        run.run(cfg)
    assert "epoch 3 of 3" in caplog.text and "epoch 2 of 3" not in caplog.text


def test_only_the_newest_checkpoint_is_kept(glue, tmp_path, stop_at):
    stop_at(2, "after")
    interrupted(configured(glue, tmp_path))
    assert [path.name for path in work_folder(tmp_path).glob("checkpoint-*")] == ["checkpoint-10"]


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: cut(folder / "checkpoint-10" / "optimizer.pt"), "optimizer.pt is missing or damaged"),
        (lambda folder: flip(folder / "checkpoint-10" / "adapter_model.safetensors"), "safetensors is missing or"),
        (lambda folder: (folder / "checkpoint-10" / "rng_state.pth").unlink(), "rng_state.pth is missing or damaged"),
        (lambda folder: flip(folder / "epochs" / "1.json"), "epochs/1.json is missing or damaged"),
        (lambda folder: cut(folder / "checkpoint-10" / checkpoint.SEAL), "seal.json is damaged"),
        (lambda folder: (folder / "checkpoint-10" / checkpoint.SEAL).unlink(), "was killed while it was written"),
        (lambda folder: shutil.rmtree(folder / "checkpoint-10"), None),
    ],
)  # fmt: skip
def test_a_damaged_checkpoint_is_told_and_not_used(
    damage, told, unkilled, glue, tmp_path, stop_at, monkeypatch, caplog
):
    cfg = configured(glue, tmp_path)
    stop_at(2, "after")
    interrupted(cfg)
    monkeypatch.undo()
    damage(work_folder(tmp_path))
    check_same(unkilled, tmp_path, run.run(cfg)[0])
    assert told is None or told in caplog.text


def test_behind_a_half_written_checkpoint_the_one_before_is_used(
    unkilled, glue, tmp_path, stop_at, monkeypatch, caplog
):
    cfg = configured(glue, tmp_path)
    stop_at(2, "before")
    interrupted(cfg)
    monkeypatch.undo()
    with caplog.at_level("INFO"):
        check_same(unkilled, tmp_path, run.run(cfg)[0])
    assert "checkpoint-10 is not used: the run was killed while it was written" in caplog.text
    assert "epoch 2 of 3" in caplog.text and "epoch 1 of 3" not in caplog.text


def test_a_checkpoint_of_another_version_of_the_code_is_not_used(
    unkilled, glue, tmp_path, stop_at, monkeypatch, caplog
):
    cfg = configured(glue, tmp_path)
    stop_at(2, "after")
    with monkeypatch.context() as patch:
        patch.setattr(run, "_code", lambda: ("0" * 40, True))
        interrupted(cfg)
    monkeypatch.undo()
    with caplog.at_level("INFO"):
        check_same(unkilled, tmp_path, run.run(cfg)[0])
    assert "starts anew, since another version of the code made the checkpoint" in caplog.text
    assert "epoch 1 of 3" in caplog.text


def test_a_clock_that_was_set_back_does_not_hide_the_newest_checkpoint(
    unkilled, glue, tmp_path, stop_at, monkeypatch, caplog
):
    cfg = configured(glue, tmp_path)
    stop_at(2, "after")
    interrupted(cfg)
    monkeypatch.undo()
    newest = work_folder(tmp_path) / "checkpoint-10"
    shutil.copytree(newest, newest.with_name("checkpoint-5"))
    for path in [newest, *newest.iterdir()]:
        os.utime(path, (0, 0))
    with caplog.at_level("INFO"):
        check_same(unkilled, tmp_path, run.run(cfg)[0])
    assert "epoch 2 of 3" not in caplog.text
