"""Sweeps: planned before they start, done by any number of processes, and nothing lost whatever ends them."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from operator import attrgetter

import pytest
import yaml
from ina.progress import SweepFolder
from tiny_runs import configured, numbers, overrides, start

from hydra_plugins.ina_sweeper import _core
from ina import config, data, plan, record, run, status, train
from ina.compose import CONFIG_DIR
from ina.config import ConfigError, fingerprint, numbers_depend_on
from ina.record import Busy


def grid(glue, out, *more):
    """Two runs of one epoch, CoLA and STS-B."""
    return ["-m", *overrides(glue, out, "task=cola,stsb", "train.epochs=1", *more)]


def finished(out):
    return sorted(one.id for one in record.read_all(out))


COLA, STSB = "tiny_bert--cola--ina--s1", "tiny_bert--stsb--ina--s1"
RATES = "train.learning_rate=tag(log,interval(1e-4,1e-2))"


# which runs


def test_a_command_line_stands_for_the_product_of_its_choices():
    runs = plan.expand(["model=tiny_bert", "task=cola,mrpc", "method=ina", "method.inhibition=0.1,0.9", "seed=1,2"])
    assert [one.id for one in runs][:3] == [
        "tiny_bert--cola--ina-inhibition0.1--s1",
        "tiny_bert--cola--ina-inhibition0.1--s2",
        "tiny_bert--cola--ina-inhibition0.9--s1",
    ]
    assert len(runs) == 8


def test_an_experiment_stands_for_its_grid_and_the_command_line_can_narrow_it():
    assert len(plan.expand(["experiment=glue_smoke"])) == 9
    assert [one.task.name for one in plan.expand(["experiment=glue_smoke", "task=cola", "method=lora"])] == ["cola"]


def test_each_run_of_a_grid_is_what_its_own_command_line_composes():
    runs = plan.expand(["experiment=glue_paper", "model=bert_large", "method=full,ina", "task=cola,rte", "seed=3,2"])
    alone = [
        config.configured(["experiment=glue_paper", "model=bert_large", method, task, f"seed={seed}"])
        for seed in (3, 2)
        for method in ("method=full", "method=ina")
        for task in ("task=cola", "task=rte")
    ]
    assert runs == alone


@pytest.mark.parametrize(
    "name", ["a=b", "a,b", "a (b)", "für", "it's", 'a"b', "a b\\", "[a]", "{a}", "2024", "null.d", "~a"]
)
def test_a_path_may_have_any_characters(name):
    for path in (name, f"/tmp/{name}"):
        [one] = plan.expand(["model=bert_large", *(f"{key}={path}" for key in plan.PATHS)])
        for key in plan.PATHS:
            assert attrgetter(key)(one) == path


def test_a_path_may_begin_with_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ä")
    asked = ["model=tiny_bert", "data.dir=~/a", "output_dir='~/b c'", "results_dir=~"]
    [one] = plan.expand(asked)
    assert (one.data.dir, one.output_dir, one.results_dir) == ("/home/ä/a", "/home/ä/b c", "/home/ä")
    assert plan.expand(["model=tiny_bert", "data.dir=null"])[0].data.dir is None


def test_a_run_and_a_sweep_take_paths_that_hydra_would_not_read(glue, tmp_path, cli):
    odd = tmp_path / "a=b, (ü)"
    shutil.copytree(glue, odd / "data")
    assert cli(*overrides(odd / "data", odd / "out", "task=cola", "train.epochs=1"))[0] == 0
    code, out, err = cli(*grid(odd / "data", odd / "out"))
    assert code == 0 and "1 done, 1 recorded before, 0 failed" in out, err
    assert finished(odd / "out") == [COLA, STSB]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("task=null", "task=null: leave it out, or name one of cola, mnli"),
        ("method=lora,5", "method=5: leave it out, or name one of adalora, dora, full, gate"),
        ("wandb.project=a (b)", "quote it for Hydra and for the shell: 'wandb.project=\"a (b)\"'"),
        ("cola", "'cola' is no setting; write key=value"),
    ],
)
def test_a_command_line_that_cannot_be_read_is_told_in_a_sentence(setting, message, glue, tmp_path, cli):
    assert [message in err and err.count("\n") for _, _, err in [cli(*overrides(glue, tmp_path, setting))]] == [1]
    with pytest.raises(ConfigError, match=re.escape(message)):
        plan.expand([setting])


def test_seeds_of_a_grid_are_not_composed_one_by_one(monkeypatch):
    calls = []

    def counting(*given, compose=plan.compose, **settings):
        calls.append(given)
        return compose(*given, **settings)

    monkeypatch.setattr(plan, "compose", counting)
    assert [one.seed for one in plan.expand(["model=tiny_bert", "seed=range(1,40)"])] == list(range(1, 40))
    assert len(calls) == 2, "the sweeper's own settings and the one cell"


def test_a_setting_that_a_method_lacks_is_swept_for_the_others_only():
    command = ["model=tiny_bert", "method=full,lora,ina", "method.inhibition=0.1,0.3", "method.r=8,4"]
    names = ["full", "lora", "lora-r4", *("ina-inhibition0.1", "ina-r4-inhibition0.1", "ina", "ina-r4")]
    assert sorted(one.method_label for one in plan.expand(command)) == sorted(names)


def test_runs_that_are_measured_with_several_numbers_of_distractors_have_a_source_too():
    assert set(plan.sources(plan.expand(["experiment=distractors"]))) == {"probe"}


def test_all_wrong_runs_of_a_grid_are_told_at_once():
    with pytest.raises(ConfigError) as error:
        plan.expand(["model=tiny_bert", "method=ina,lora", "method.r=0,-1"])
    assert "method.r=0: " in str(error.value) and "method.r=-1: " in str(error.value)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (["seed=one,2"], "seed='one': "),
        (["seed=-1,2"], "seed=-1: "),
        (["method=lora,ina", "method.inhibtion=0.1,0.3"], "method.inhibtion: there is no such setting"),
        (["train.weight_decay=0.0,0.1"], "two runs of the sweep have the name tiny_bert--cola--ina--s1"),
        ([RATES], "an interval needs a search: add hydra/sweeper=optuna"),
    ],
)
def test_a_grid_that_cannot_be_planned_is_told(grid, message):
    with pytest.raises(ConfigError, match=message):
        plan.expand(["model=tiny_bert", *grid])


# from plan to summary


def test_a_sweep_says_what_it_will_do_tells_each_run_and_sums_up(glue, tmp_path, cli):
    code, out, err = cli(*grid(glue, tmp_path))
    plan, first, second, summary = out.splitlines()
    assert code == 0 and err == ""
    assert plan == "2 runs: tiny_bert x cola, stsb x ina; data: files; time unknown until the first run has ended"
    assert first.startswith(f"[1/2] {COLA}: mcc best ") and re.search(
        r"; \d+:\d\d elapsed, about \d+:\d\d left$", first
    )
    assert second.startswith(f"[2/2] {STSB}: pearson best ") and second.endswith(" elapsed")
    assert summary.startswith("2 runs: 2 done, 0 recorded before, 0 failed, in ")
    assert finished(tmp_path) == [COLA, STSB]
    assert not any((tmp_path / "sweeps").iterdir())


def test_the_option_for_several_runs_may_stand_anywhere(glue, tmp_path, cli):
    _, *settings = grid(glue, tmp_path, "data.dir=/no/such/folder")
    for command in ([settings[0], "-m", *settings[1:]], [*settings, "--multirun"]):
        code, out, err = cli(*command)
        assert (code, out) == (1, "") and err.startswith("nothing was started:\n") and "/no/such/folder" in err


@pytest.mark.parametrize("swept", ["task=cola,stsb", "seed=range(1,3)", "train.learning_rate=choice(0.001,0.002)"])
def test_several_runs_without_the_option_say_what_to_add(swept, glue, tmp_path, cli):
    code, out, err = cli(*overrides(glue, tmp_path, swept))
    assert (code, out) == (1, "") and err.startswith(f"error: {swept} stands for several runs: add -m to do them all")


def test_a_grid_whose_methods_lack_settings_is_one_sweep_for_its_user(glue, tmp_path, cli):
    arguments = grid(glue, tmp_path, "task=stsb", "method=full,ina", "method.inhibition=0.1,0.3")
    code, out, err = cli(*arguments)
    assert (code, err) == (0, "")
    assert out.startswith("3 runs: tiny_bert x stsb x full, ina-inhibition0.1, ina; ")
    assert re.findall(r"^\[\d/\d\]", out, re.M) == ["[1/3]", "[2/3]", "[3/3]"]
    assert "3 runs: 3 done, 0 recorded before, 0 failed" in out
    assert "0 done, 3 recorded before, 0 failed" in cli(*arguments)[1]


@pytest.mark.parametrize(
    ("dirty", "changed", "message"),
    [
        (True, [], "1 of them are saved to {out}, not {out}/results: ina/ or configs/ have uncommitted changes"),
        (False, ["train.epochs=9"], "1 of them are saved to {out}, not {out}/results: their settings are not "),
        (False, [], None),
    ],
)
def test_runs_of_an_experiment_that_stay_out_of_the_results_are_told(
    dirty, changed, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(record, "git_state", lambda *_: ("0" * 40, dirty))
    where = ["data=probe", f"output_dir={tmp_path}", f"results_dir={tmp_path}/results"]
    command = ["experiment=distractors", "seed=1", "method=ina", *where, *changed]
    _core.Sweep(command, plan.compose(command, return_hydra_config=True), launcher=None)._print_plan()
    out = capsys.readouterr().out
    assert message.format(out=tmp_path) in out if message else "are saved to" not in out


def test_started_again_it_does_only_what_is_missing(glue, tmp_path, cli):
    cli(*grid(glue, tmp_path))
    command = record.read(record.record_path(tmp_path, None, "files", STSB)).provenance.command
    assert command.startswith("python -m ina.run ") and " task=stsb " in command, "the one that does it alone"
    record.record_path(tmp_path, None, "files", STSB).unlink()
    code, out, _ = cli(*grid(glue, tmp_path))
    plan, second, summary = out.splitlines()
    assert re.search(r"; 1 are recorded; about \d+:\d\d$", plan)
    assert second.startswith(f"[2/2] {STSB}")
    assert code == 0 and "1 done, 1 recorded before, 0 failed" in summary


def test_recorded_runs_are_skipped_without_torch_and_their_rows_are_read_once(glue, tmp_path):
    done, _ = run.run(configured(glue, tmp_path, "train.epochs=1"))
    settings = numbers_depend_on(done.config | {"seed": 2}, "files", done.data.fingerprint, "float32")
    second = done.model_copy(update={"id": done.id[:-1] + "2", "seed": 2, "fingerprint": fingerprint(settings)})
    record.write(tmp_path, second, record.read_predictions(tmp_path, done))
    code = "import sys; sys.argv[0] = '-m'\n"  # as for a command
    code += "from ina import run; from hydra_plugins.ina_sweeper import _core; from ina import data\n"
    code += "load, calls = data.load, []; data.load = lambda *given: calls.append(given) or load(*given)\n"
    code += "try: run.cli()\nfinally: print(len(calls), 'torch' in sys.modules, 'transformers' in sys.modules)"
    arguments = ["-m", *overrides(glue, tmp_path, "train.epochs=1", "seed=1,2")]
    command = [sys.executable, "-c", code, *arguments]
    result = subprocess.run(command, cwd=CONFIG_DIR.parent, capture_output=True, text=True)
    assert "0 done, 2 recorded before, 0 failed" in result.stdout, result.stderr
    assert result.stdout.splitlines()[-1] == "1 False False"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["train.epoch=1,2"], "train.epoch: there is no such setting"),
        (["method.r=0,8"], "method.r=0: Input should be greater than or equal to 1"),
        (["task=cola,qnli"], "data.source=files has no qnli"),
        (["model=bert_large", "model.path=/no/such/model"], "model.path=/no/such/model"),
    ],
)
def test_nothing_is_started_when_a_run_of_the_grid_cannot_be_done(wrong, message, glue, tmp_path, cli):
    code, out, err = cli("-m", *overrides(glue, tmp_path / "out", "task=cola,stsb", *wrong))
    assert (code, out) == (1, "") and err.startswith("nothing was started:") and message in err
    assert not (tmp_path / "out").exists()


def test_a_sweep_whose_tasks_would_have_several_data_sources_is_refused(glue, tmp_path, cli, monkeypatch):
    has = {"cola": "hub", "stsb": "probe"}
    monkeypatch.setattr(data, "resolve", lambda task, _: has[task])
    code, _, err = cli("-m", *overrides(glue, tmp_path / "out", "task=cola,stsb"))
    message = "a sweep has one data source, and these runs have hub (cola), probe (stsb): set data=files, data=hub or"
    assert code == 1 and message in err


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


def test_a_full_disk_ends_the_sweep_where_it_cannot_keep_its_own_state(glue, tmp_path, cli, monkeypatch):
    def plan_on_a_full_disk(sweep):
        (sweep.folder.path / f"{COLA}.started").symlink_to("/dev/full")

    monkeypatch.setattr(_core.Sweep, "_skip_recorded_runs", plan_on_a_full_disk)
    code, out, err = cli(*grid(glue, tmp_path))
    assert code == 1 and "1 done, 0 recorded before, 0 failed, 1 not done" in out
    assert re.search("error: .*, where the sweep keeps its state: No space left on device", err)


def test_a_run_whose_outcome_cannot_be_written_is_not_launched_again(glue, tmp_path, cli, monkeypatch):
    end, ended = SweepFolder.end, []

    def full_disk(folder, outcome):
        ended.append(outcome.id)
        if outcome.id == COLA:
            raise OSError("No space left on device")
        return end(folder, outcome)

    monkeypatch.setattr(SweepFolder, "end", full_disk)
    code, out, err = cli(*grid(glue, tmp_path))
    assert (code, ended) == (1, [COLA, STSB]) and "No space left on device" in err
    assert "1 done, 0 recorded before, 0 failed, 1 not done" in out


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


def test_the_runs_in_progress_are_told_while_they_train(glue, tmp_path, cli, monkeypatch):
    for module, interval in ((_core, "REPORT_S"), (_core, "POLL_S"), (train, "PROGRESS_S")):
        monkeypatch.setattr(module, interval, 0.01)
    code, out, err = cli(*grid(glue, tmp_path, "train.epochs=3", "task=stsb"))
    assert (code, err) == (0, "")
    assert re.search(rf"^  in progress: {STSB} \(epoch \d+\.\d of 3, about \d+:\d\d left\)$", out, re.M)


def test_two_sweeps_started_at_once_do_every_run_once(glue, tmp_path):
    both = [start(grid(glue, tmp_path, "seed=1,2"), tmp_path / f"log{index}") for index in (1, 2)]
    for process in both:
        process.join()
    logs = [(tmp_path / f"log{index}").read_text() for index in (1, 2)]
    assert [process.exitcode for process in both] == [0, 0], logs
    assert len(finished(tmp_path)) == 4
    reported = [line.split("] ")[1].split(":")[0] for log in logs for line in log.splitlines() if line.startswith("[")]
    assert sorted(reported) == finished(tmp_path), "each run is told by the one sweep that did it"


def test_a_sweep_takes_over_what_a_killed_one_had_begun(glue, tmp_path):
    arguments = grid(glue, tmp_path, "train.epochs=12", "task=stsb,cola")
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


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "kill"])
def test_a_signal_to_end_cancels_the_run_in_progress_and_sums_up(glue, tmp_path, sent):
    process = start(grid(glue, tmp_path, "train.epochs=40"), tmp_path / "log")
    wait_for(lambda: list(tmp_path.glob("work/*/epochs/*.json")))
    os.killpg(process.pid, sent)
    process.join()
    log = (tmp_path / "log").read_text()
    assert process.exitcode == 130
    assert "2 runs: 0 done, 0 recorded before, 0 failed, 1 cancelled, 1 not done, in " in log
    assert "Traceback" not in log
    assert record.read(record.failure_path(tmp_path, None, "files", COLA)).status == "cancelled"


def test_joblib_does_runs_in_processes_which_end_theirs_when_the_launcher_is_told_to_stop(glue, tmp_path):
    parallel = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "train.threads=null"]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    command = [sys.executable, "-m", "ina.run", *grid(glue, tmp_path, *parallel, "seed=1,2", "train.epochs=10")]
    with open(tmp_path / "log", "w") as log:
        process = subprocess.Popen(command, cwd=CONFIG_DIR.parent, env=environment, stdout=log, stderr=log)
    wait_for(lambda: len({path.parent for path in tmp_path.glob("work/*/epochs/*.json")}) == 2)
    process.terminate()
    code = process.wait()
    log = (tmp_path / "log").read_text()
    assert code == 130, log
    assert "stopping: no further run starts; runs in progress finish first; Ctrl-C again stops now" in log
    assert "4 runs: 2 done, 0 recorded before, 0 failed, 0 cancelled, 2 not done, in " in log
    assert len({path.read_text() for path in tmp_path.rglob("*.lock")}) == 2, "two processes held the locks"
    done = list(record.read_all(tmp_path))
    assert all(one.provenance.threads <= max(1, plan.workers() // 2) for one in done), "they share the cores"
    same = [f"task={done[0].task}", f"seed={done[0].seed}", f"train.threads={done[0].provenance.threads}"]
    alone, _ = run.run(configured(glue, tmp_path / "alone", "train.epochs=10", *same))
    assert numbers(alone) == numbers(done[0])


def test_the_slurm_launcher_has_one_job_a_run_that_is_queued_again_when_its_time_is_over():
    launcher = plan.compose(["hydra/launcher=slurm"], return_hydra_config=True).hydra.launcher
    assert launcher._target_.endswith("SlurmLauncher")
    assert launcher.tasks_per_node == 1 and launcher.max_num_timeout > 0


@pytest.mark.parametrize(
    "launcher",
    [
        ["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=5"],
        ["hydra/launcher=ray", "+hydra.launcher.ray.init.num_cpus=2"],
    ],
    ids=["slurm", "ray"],
)
def test_workers_of_a_launcher_leave_records_like_any_others(launcher, glue, tmp_path):
    process = start(grid(glue, tmp_path, *launcher), tmp_path / "log")
    process.join()
    log = (tmp_path / "log").read_text()
    assert process.exitcode == 0, log
    assert "[1/2] " in log and "[2/2] " in log and "2 done, 0 recorded before, 0 failed" in log
    assert finished(tmp_path) == [COLA, STSB]


@pytest.mark.parametrize(("killings", "code"), [(1, 0), (2, 1)])
def test_a_run_whose_worker_is_killed_is_tried_once_more_then_recorded_as_failed(
    killings, code, glue, tmp_path, cli, monkeypatch
):
    plan.compose([], return_hydra_config=True)  # Hydra loads its launchers anew when it first looks for them
    launcher = sys.modules["hydra._internal.core_plugins.basic_launcher"].BasicLauncher
    launch, killed = launcher.launch, []

    def launch_and_lose(*arguments, **settings):
        if len(killed) < killings:
            killed.append(COLA)
            SweepFolder(next(tmp_path.glob("sweeps/*"))).start(COLA)
            raise RuntimeError("a worker process was terminated")
        return launch(*arguments, **settings)

    monkeypatch.setattr(launcher, "launch", launch_and_lose)
    exit_code, out, err = cli(*grid(glue, tmp_path))
    assert exit_code == code
    assert f"{COLA}: its process was killed (out of memory?); it runs once more" in out
    assert f"{2 - code} done, 0 recorded before, {code} failed" in out
    if code:
        assert f"{COLA}: FAILED: its process was killed twice" in err
        assert "killed twice" in record.read(record.failure_path(tmp_path, None, "files", COLA)).error


# searches and the state of a grid


SEARCH = [
    "-m",
    "hydra/sweeper=optuna",
    "hydra.sweeper.n_trials=2",
    "hydra.sweeper.n_jobs=1",
    "+hydra.sweeper.sampler.seed=1",
]


def test_an_optuna_search_takes_the_best_score_on_held_out_training_rows(glue, tmp_path, cli):
    arguments = overrides(
        glue, tmp_path, *SEARCH, RATES, "train.epochs=1", "data.select=0.1", "hydra.sweeper.direction=maximize"
    )
    code, _, err = cli(*arguments)
    trials = list(record.read_all(tmp_path))
    assert code == 0 and len(trials) == 2, err
    assert [one.data.rows for one in trials] == [{"train": 36, "validation": 4}] * 2, "a tenth of 40 training rows"
    [found] = tmp_path.glob("sweeps/*/optimization_results.yaml")
    best = max(trials, key=lambda one: one.best.metrics["pearson"])
    found = yaml.safe_load(found.read_text())
    assert found["best_value"] == best.best.metrics["pearson"]
    assert found["best_params"] == {"train.learning_rate": best.config["train"]["learning_rate"]}


def test_a_search_on_the_dev_rows_is_refused(glue, tmp_path, cli):
    code, _, err = cli(*overrides(glue, tmp_path, *SEARCH, RATES))
    assert code == 1 and "a search needs data.select" in err


def test_the_status_of_a_grid_counts_runs_by_how_far_they_are(glue, tmp_path, monkeypatch, capsys):
    arguments = overrides(glue, tmp_path, "task=stsb", "seed=1,2,3,4")
    done, running, failed, _ = (configured(glue, tmp_path, "task=stsb", f"seed={seed}") for seed in (1, 2, 3, 4))
    path = record.record_path(tmp_path, None, "files", done.id)
    path.parent.mkdir(parents=True)
    path.touch()
    monkeypatch.setattr(train, "fit", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run.run(failed)
    monkeypatch.setattr(sys, "argv", ["status", *arguments])
    with record.claim(record.lock_path(tmp_path, None, "files", running.id), wait=False):
        status.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["done", "running", "failed", "missing"]
    assert lines[2].split() == ["files", "stsb", "tiny_bert", "ina", "1", "1", "1", "1"]
    assert lines[-2] == "4 runs: 1 done, 1 running, 1 failed, 1 missing"
    assert lines[-1] == f"  {failed.id}: failed: ZeroDivisionError: division by zero"


def test_status_explains_itself_and_takes_the_switches_of_run(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ina.status", "--help"])
    with pytest.raises(SystemExit) as end:
        status.main()
    assert end.value.code == 0 and "KEY=VALUE" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["ina.status", "-m", "model=tiny_bert", "data=probe", "-m"])
    status.main()
    assert "\n1 runs: " in capsys.readouterr().out


def test_the_status_of_a_grid_tells_of_runs_that_are_recorded_with_other_data(glue, tmp_path, monkeypatch, capsys):
    for seed in (1, 2):
        path = record.record_path(tmp_path, None, "files", configured(glue, tmp_path, "task=stsb", f"seed={seed}").id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    arguments = [*overrides(glue, tmp_path, "task=stsb", "seed=1,2,3"), "data.source=probe"]
    monkeypatch.setattr(sys, "argv", ["status", *arguments])
    status.main()
    *_, total, others = capsys.readouterr().out.splitlines()
    assert total == "3 runs: 0 done, 0 running, 0 failed, 3 missing"
    assert others == "  recorded with data.source=files: 2 of the others (INA_DATA_DIR or data.dir names the folder)"


def wait_for(condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
