"""A run that is killed and started again ends with the numbers, to the last bit, that it would have had anyway."""

import os
import random
import shutil
import signal
import time
from contextlib import contextmanager

import pytest
from tiny_runs import configured, numbers, overrides, start

from ina import checkpoint, record, run

RUN_ID = "tiny_bert--stsb--ina--s1"  # of three epochs of five steps


@pytest.fixture(scope="module")
def unkilled(glue, tmp_path_factory):
    """The numbers and predictions of a run that nothing interrupts."""
    out = tmp_path_factory.mktemp("unkilled")
    result, _ = run.run(configured(glue, out))
    return numbers(result), record.read_predictions(out, result)


@contextmanager
def ending(nth, when):
    """Runs end here as if killed when a checkpoint is sealed: the nth time, before or after."""
    seal, calls = checkpoint.seal, []

    def seal_or_end(path):
        calls.append(path)
        if len(calls) != nth or when == "after":
            seal(path)
        if len(calls) == nth:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(checkpoint, "seal", seal_or_end)
        yield


@pytest.fixture(scope="module")
def after_two_epochs(glue, tmp_path_factory):
    """The output folder of a run that was killed after its second epoch."""
    out = tmp_path_factory.mktemp("killed")
    with ending(2, "after"):
        run.run(configured(glue, out))
    return out


@pytest.fixture
def killed(after_two_epochs, tmp_path):
    """A copy of it."""
    return shutil.copytree(after_two_epochs, tmp_path / "out")


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


@pytest.mark.parametrize(("nth", "when"), [(1, "before"), (1, "after"), (3, "after")])
def test_killed_around_a_checkpoint_a_run_ends_with_the_same_numbers(nth, when, unkilled, glue, tmp_path):
    cfg = configured(glue, tmp_path)
    with ending(nth, when):
        run.run(cfg)
    check_same(unkilled, tmp_path, run.run(cfg)[0])


def test_full_fine_tuning_resumes_to_the_same_numbers_too(glue, tmp_path):
    whole, _ = run.run(configured(glue, tmp_path / "whole", "method=full"))
    cfg = configured(glue, tmp_path / "killed", "method=full")
    with ending(2, "after"):
        run.run(cfg)
    assert numbers(run.run(cfg)[0]) == numbers(whole)


def test_a_resumed_run_goes_on_after_its_last_epoch(unkilled, glue, killed, caplog):
    with caplog.at_level("INFO"):
        check_same(unkilled, killed, run.run(configured(glue, killed))[0])
    assert "epoch 3 of 3" in caplog.text and "epoch 2 of 3" not in caplog.text


def test_behind_a_half_written_checkpoint_the_one_before_is_used(unkilled, glue, tmp_path, caplog):
    cfg = configured(glue, tmp_path)
    with ending(2, "before"):
        run.run(cfg)
    with caplog.at_level("INFO"):
        caplog.clear()
        check_same(unkilled, tmp_path, run.run(cfg)[0])
    assert "checkpoint-10 is not used: the run was killed while it was written" in caplog.text
    assert "epoch 2 of 3" in caplog.text and "epoch 1 of 3" not in caplog.text


def test_with_a_damaged_checkpoint_a_run_starts_anew_and_ends_with_the_same_numbers(unkilled, glue, killed, caplog):
    cut(work_folder(killed) / "checkpoint-10" / "optimizer.pt")
    check_same(unkilled, killed, run.run(configured(glue, killed))[0])
    assert "optimizer.pt is missing or damaged" in caplog.text


def test_a_checkpoint_of_another_version_of_the_code_is_not_used(unkilled, glue, killed, monkeypatch, caplog):
    monkeypatch.setattr(run, "_code", lambda: ("0" * 40, True))
    with caplog.at_level("INFO"):
        check_same(unkilled, killed, run.run(configured(glue, killed))[0])
    assert "starts anew, since another version of the code made the checkpoint" in caplog.text
    assert "epoch 1 of 3" in caplog.text


# which checkpoint


def test_only_the_newest_checkpoint_is_kept(killed):
    assert [path.name for path in work_folder(killed).glob("checkpoint-*")] == ["checkpoint-10"]


def test_a_whole_checkpoint_is_found_and_left_as_it_is(killed):
    folder = work_folder(killed)
    before = sorted(folder.rglob("*"))
    assert checkpoint.newest(folder) == folder / "checkpoint-10"
    assert sorted(folder.rglob("*")) == before


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def remove(path):
    path.unlink()


@pytest.mark.parametrize(
    ("damage", "file", "told"),
    [
        (cut, "checkpoint-10/optimizer.pt", "optimizer.pt is missing or damaged"),
        (flip, "checkpoint-10/adapter_model.safetensors", "adapter_model.safetensors is missing or damaged"),
        (remove, "checkpoint-10/rng_state.pth", "rng_state.pth is missing or damaged"),
        (flip, "epochs/1.json", "epochs/1.json is missing or damaged"),
        (remove, "epochs/2.parquet", "epochs/2.parquet is missing or damaged"),
        (cut, "checkpoint-10/seal.json", "seal.json is damaged"),
        (remove, "checkpoint-10/seal.json", "the run was killed while it was written"),
    ],
)
def test_a_damaged_checkpoint_is_told_and_removed_with_what_came_of_it(damage, file, told, killed, caplog):
    folder = work_folder(killed)
    damage(folder / file)
    assert checkpoint.newest(folder) is None
    assert "checkpoint-10 is not used: " in caplog.text and told in caplog.text
    assert not list(folder.glob("checkpoint-*")) and not list(folder.glob("epochs/*"))


def test_a_clock_that_was_set_back_does_not_hide_the_newest_checkpoint(killed):
    folder = work_folder(killed)
    shutil.copytree(folder / "checkpoint-10", folder / "checkpoint-5")
    for path in [folder / "checkpoint-10", *(folder / "checkpoint-10").iterdir()]:
        os.utime(path, (0, 0))
    assert checkpoint.newest(folder).name == "checkpoint-10"
