"""Sweeps: planned before they start, done by any number of processes, and nothing lost whatever ends them."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from tiny_runs import configured, numbers, overrides, start

from ina import record, run, sweep, train
from ina.config import CONFIG_DIR, ConfigError
from ina.record import Busy


def grid(glue, out, *more):
    """Two runs of one epoch, CoLA and STS-B."""
    return ["-m", *overrides(glue, out, "task=cola,stsb", "train.epochs=1", *more)]


def finished(out):
    return sorted(one.id for one in record.read_all(out))


COLA, STSB = "tiny_bert--cola--ina--s1", "tiny_bert--stsb--ina--s1"


# which runs


def test_a_command_line_stands_for_the_product_of_its_choices():
    runs = sweep.expand(["model=tiny_bert", "task=cola,mrpc", "method=ina", "method.inhibition=0.1,0.9", "seed=1,2"])
    assert [one.id for one in runs][:3] == [
        "tiny_bert--cola--ina-inhibition0.1--s1",
        "tiny_bert--cola--ina-inhibition0.1--s2",
        "tiny_bert--cola--ina-inhibition0.9--s1",
    ]
    assert len(runs) == 8


def test_an_experiment_stands_for_its_grid_and_the_command_line_can_narrow_it():
    assert len(sweep.expand(["experiment=glue_smoke"])) == 9
    assert [one.task.name for one in sweep.expand(["experiment=glue_smoke", "task=cola", "method=lora"])] == ["cola"]


def test_all_wrong_runs_of_a_grid_are_told_at_once():
    with pytest.raises(ConfigError) as error:
        sweep.expand(["model=tiny_bert", "method=ina,lora", "method.r=0,-1"])
    assert "not 0" in str(error.value) and "not -1" in str(error.value)


def test_runs_that_differ_only_where_names_do_not_are_refused():
    with pytest.raises(ConfigError, match="two runs of the sweep have the name minilm--cola--ina--s1"):
        sweep.expand(["train.weight_decay=0.0,0.1"])


# from plan to summary


def test_a_sweep_says_what_it_will_do_tells_each_run_and_sums_up(glue, tmp_path, cli):
    code, out, err = cli(*grid(glue, tmp_path))
    plan, first, second, summary = out.splitlines()
    assert code == 0 and err == ""
    assert plan == "2 runs: tiny_bert x cola, stsb x ina; data: files; time unknown until the first run has ended"
    assert first.startswith(f"[1/2] {COLA}: mcc best ") and re.search(r"; \d+:\d\d gone, about \d+:\d\d left$", first)
    assert second.startswith(f"[2/2] {STSB}: pearson best ") and second.endswith(" gone")
    assert summary.startswith("2 runs: 2 done, 0 recorded before, 0 failed, in ")
    assert finished(tmp_path) == [COLA, STSB]
    assert not any((tmp_path / "sweeps").iterdir())


def test_started_again_it_does_only_what_is_missing(glue, tmp_path, cli):
    cli(*grid(glue, tmp_path))
    record.record_path(tmp_path, None, "files", STSB).unlink()
    code, out, _ = cli(*grid(glue, tmp_path))
    plan, second, summary = out.splitlines()
    assert re.search(r"; 1 are recorded; about \d+:\d\d$", plan)
    assert second.startswith(f"[2/2] {STSB}")
    assert code == 0 and "1 done, 1 recorded before, 0 failed" in summary


def test_the_record_of_a_run_holds_the_command_that_does_it_alone(glue, tmp_path, cli):
    cli(*grid(glue, tmp_path))
    command = record.read(record.record_path(tmp_path, None, "files", STSB)).provenance.command
    assert command.startswith("python -m ina.run ") and " task=stsb " in command and "cola" not in command


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["method.r=0,8"], "`r` should be a positive integer, not 0"),
        (["data.dir=/no/such/folder"], "/no/such/folder"),
        (["task=cola,qnli"], "data.source=files has no qnli"),
        (["model=bert_large", "model.path=/no/such/model"], "model.path=/no/such/model"),
    ],
)
def test_nothing_is_started_when_a_run_of_the_grid_cannot_be_done(wrong, told, glue, tmp_path, cli):
    code, out, err = cli("-m", *overrides(glue, tmp_path / "out", "task=cola,stsb", *wrong))
    assert (code, out) == (1, "") and err.startswith("nothing was started:") and told in err
    assert not (tmp_path / "out").exists()


def test_nothing_is_started_where_nothing_can_be_written(glue, tmp_path, cli):
    (tmp_path / "out").write_text("a file where a folder is to be")
    code, _, err = cli(*grid(glue, tmp_path / "out"))
    assert code == 1 and "nothing was started:" in err


def test_a_failed_run_is_named_the_others_are_done_and_the_next_sweep_tries_it_again(glue, tmp_path, cli, monkeypatch):
    fit = train.fit

    def failing(*arguments, headline, **settings):
        if headline == "mcc":
            raise RuntimeError("CUDA out of memory")
        return fit(*arguments, headline=headline, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(train, "fit", failing)
        code, out, err = cli(*grid(glue, tmp_path))
    assert code == 1 and "1 done, 0 recorded before, 1 failed" in out
    assert f"{COLA}: FAILED: RuntimeError: CUDA out of memory" in err
    assert "CUDA out of memory" in record.read(record.failure_path(tmp_path, None, "files", COLA)).error
    assert finished(tmp_path) == [STSB]
    code, out, _ = cli(*grid(glue, tmp_path))
    assert code == 0 and finished(tmp_path) == [COLA, STSB] and not list((tmp_path / "failed").rglob("*.json"))


def test_a_damaged_record_fails_its_run_only_and_stays(glue, tmp_path, cli):
    path = record.record_path(tmp_path, None, "files", COLA)
    path.parent.mkdir(parents=True)
    path.write_text("{")
    code, out, err = cli(*grid(glue, tmp_path))
    assert code == 1 and "1 done, 0 recorded before, 1 failed" in out and "is no valid record" in err
    assert path.read_text() == "{"


# several processes


def test_a_run_that_another_process_does_is_left_to_it(glue, tmp_path):
    cfg = configured(glue, tmp_path)
    with record.claim(record.lock_path(tmp_path, None, "files", cfg.id), wait=False):
        with pytest.raises(Busy, match=f"{cfg.id} is being done by process {os.getpid()} on "):
            run.run(cfg, wait=False)
    assert not list(record.read_all(tmp_path))


def test_two_sweeps_started_at_once_do_every_run_once(glue, tmp_path):
    both = [start(grid(glue, tmp_path, "seed=1,2"), tmp_path / f"log{index}") for index in (1, 2)]
    for process in both:
        process.join()
    logs = [(tmp_path / f"log{index}").read_text() for index in (1, 2)]
    assert [process.exitcode for process in both] == [0, 0], logs
    assert len(finished(tmp_path)) == 4
    told = [line.split("] ")[1].split(":")[0] for log in logs for line in log.splitlines() if line.startswith("[")]
    assert sorted(told) == finished(tmp_path), "each run is told by the one sweep that did it"


def test_a_sweep_takes_over_what_a_killed_one_had_begun(glue, tmp_path):
    arguments = grid(glue, tmp_path, "train.epochs=60", "task=stsb,cola")
    killed = start(arguments, tmp_path / "log1")
    wait_for(lambda: (tmp_path / "work").exists())
    survivor = start(arguments, tmp_path / "log2")
    wait_for(lambda: "cola" in str([path.name for path in (tmp_path / "work").iterdir()]))
    killed.kill()
    survivor.join()
    log = (tmp_path / "log2").read_text()
    assert survivor.exitcode == 0, log
    assert f"waiting for 1 runs that other processes are doing: {STSB}" in log
    assert finished(tmp_path) == [COLA, STSB]


def test_ctrl_c_cancels_the_run_in_progress_and_sums_up(glue, tmp_path):
    process = start(grid(glue, tmp_path, "train.epochs=60"), tmp_path / "log")
    wait_for(lambda: list(tmp_path.glob("work/*/epochs/*.json")))
    os.killpg(process.pid, signal.SIGINT)
    process.join()
    log = (tmp_path / "log").read_text()
    assert process.exitcode == 130
    assert "2 runs: 0 done, 0 recorded before, 0 failed, 1 cancelled, 1 not started, in " in log
    assert "Traceback" not in log
    assert record.read(record.failure_path(tmp_path, None, "files", COLA)).status == "cancelled"


def test_joblib_does_the_runs_in_processes_of_one_thread_each(glue, tmp_path):
    parallel = ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={max(2, sweep.workers())}", "train.threads=null"]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, "-m", "ina.run", *grid(glue, tmp_path, *parallel)]
    process = subprocess.run(command, cwd=CONFIG_DIR.parent, env=environment, capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (0, "")
    assert "2 done, 0 recorded before, 0 failed" in process.stdout
    assert len({path.read_text() for path in tmp_path.rglob("*.lock")}) == 2, "two processes held the locks"
    assert {one.provenance.threads for one in record.read_all(tmp_path)} == {1}
    alone, _ = run.run(configured(glue, tmp_path / "alone", "train.epochs=1"))
    assert numbers(alone) == numbers(record.read(record.record_path(tmp_path, None, "files", STSB)))


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
