"""A run that is killed and started again ends with the numbers, to the last bit, that it would have had anyway."""

import random
import signal
import time
from contextlib import contextmanager
from itertools import count

import pytest
from tiny_runs import configured, numbers, overrides, start

from ina import record, run, train, versions

RUN_ID = "tiny_bert--stsb--ina--s1"  # of three epochs of five steps


@pytest.fixture(scope="module")
def unkilled(glue, tmp_path_factory):
    """The numbers and predictions of an uninterrupted run."""
    out = tmp_path_factory.mktemp("unkilled")
    result, _ = run.run(configured(glue, out))
    return numbers(result), record.read_predictions(out, result)


@contextmanager
def ending(nth, when):
    """Make runs end, as if killed, right before or after the nth checkpoint is marked as complete."""
    mark_complete, calls = train.mark_complete, []

    def mark_or_end(path):
        calls.append(path)
        if len(calls) != nth or when == "after":
            mark_complete(path)
        if len(calls) == nth:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train, "mark_complete", mark_or_end)
        yield


def check_same(unkilled, out, result) -> None:
    assert numbers(result) == unkilled[0]
    assert record.read_predictions(out, result).equals(unkilled[1])
    assert not any((out / "work").iterdir()), "checkpoints of a finished run are removed"


def test_killed_at_a_random_moment_a_run_ends_with_the_same_numbers(unkilled, glue, tmp_path):
    for attempt in count():  # wait half as long each time: on a fast machine a run may end before it is killed
        out = tmp_path / str(attempt)
        process = start(overrides(glue, out), tmp_path / "log")
        while process.is_alive() and not (out / "work").exists():
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.5**attempt))
        process.kill()
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL), (tmp_path / "log").read_text()
        if not record.record_path(out, None, "files", RUN_ID).exists():
            break
    check_same(unkilled, out, run.run(configured(glue, out))[0])


@pytest.mark.parametrize(
    ("nth", "when", "checkpoints", "told"),
    [
        (1, "before", {"checkpoint-5"}, "checkpoint-5 is not used: the run was killed while it was written"),
        (2, "before", {"checkpoint-5", "checkpoint-10"}, "checkpoint-10 is not used: the run was killed"),
        (2, "after", {"checkpoint-10"}, ""),
        (3, "after", {"checkpoint-15"}, ""),
    ],
)
def test_killed_around_a_checkpoint_a_run_goes_on_from_the_last_whole_one_to_the_same_numbers(
    nth, when, checkpoints, told, unkilled, glue, tmp_path, caplog
):
    cfg = configured(glue, tmp_path)
    with ending(nth, when):
        run.run(cfg)
    assert {path.name for path in (tmp_path / "work").glob("*/checkpoint-*")} == checkpoints
    caplog.clear()
    with caplog.at_level("INFO"):
        check_same(unkilled, tmp_path, run.run(cfg)[0])
    trained = [epoch for epoch in (1, 2, 3) if f"epoch {epoch} of 3" in caplog.text]
    assert trained == [1, 2, 3][nth - (when == "before") :] and told in caplog.text


def test_a_checkpoint_of_another_version_of_the_code_is_not_used(unkilled, glue, tmp_path, monkeypatch, caplog):
    with ending(2, "after"):
        run.run(configured(glue, tmp_path))
    monkeypatch.setattr(versions, "loaded", lambda: ("0" * 40, True, "other files"))
    caplog.clear()
    with caplog.at_level("INFO"):
        check_same(unkilled, tmp_path, run.run(configured(glue, tmp_path))[0])
    assert "is from another version of the code" in caplog.text
    assert "epoch 1 of 3" in caplog.text
