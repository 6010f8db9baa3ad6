"""Sweeps are planned before they start, shared by any number of processes, and lose nothing when they end early."""

import contextlib
import os
import platform
import re
import signal
import subprocess
import sys
import time
from operator import attrgetter

import hydra
import pytest
import wandb
import yaml
from made_up import write_run
from tiny_runs import configured, numbers, overrides, start, write_glue

from hydra_plugins.ina_sweeper import _sweep
from ina import compose, config, data, plan, record, run, status, train, versions
from ina.compose import CONFIG_DIR, hydra_settings
from ina.config import ConfigError, check
from ina.fingerprint import fingerprint, fingerprint_settings
from ina.record import Busy
from ina.tables import __main__ as tables


def grid(glue, out, *more):
    """Two runs of one epoch, CoLA and STS-B."""
    return ["-m", *overrides(glue, out, "task=cola,stsb", "train.epochs=1", *more)]


def finished(out):
    return sorted(one.id for one in record.read_all(out))


def place(out, run_id):
    return record.record_path(out, None, "files", run_id)


def has_begun(out):
    """Whether a sweep has finished planning."""
    return any(out.glob("sweeps/*/began"))


COLA, STSB = "tiny_bert--cola--ina--s1", "tiny_bert--stsb--ina--s1"
RATES = "train.learning_rate=tag(log,interval(1e-4,1e-2))"


# which runs


def test_a_command_line_expands_into_the_product_of_its_choices_and_narrows_an_experiments():
    runs = plan.expand(["model=tiny_bert", "task=cola,mrpc", "method=ina", "method.inhibition=0.1,0.9", "seed=1,2"])
    assert [one.id for one in runs][:3] == [
        "tiny_bert--cola--ina-inhibition0.1--s1",
        "tiny_bert--cola--ina-inhibition0.1--s2",
        "tiny_bert--cola--ina-inhibition0.9--s1",
    ]
    assert len(runs) == 8
    assert len(plan.expand(["experiment=glue_smoke"])) == 9
    assert [one.task.name for one in plan.expand(["experiment=glue_smoke", "task=cola", "method=lora"])] == ["cola"]


def test_each_run_of_a_grid_is_what_hydra_composes_from_its_own_command_line():
    common = ["experiment=glue_paper", "model=bert_large"]
    runs = plan.expand([*common, "method=full,ina", "task=cola,rte", "seed=3,2", "train.weight_decay=0.5"])
    with hydra.initialize_config_dir(str(CONFIG_DIR), version_base="1.3"):
        alone = [
            check(hydra.compose("run", [*common, method, task, f"seed={seed}", "train.weight_decay=0.5"]))
            for seed in (3, 2)
            for method in ("method=full", "method=ina")
            for task in ("task=cola", "task=rte")
        ]
    assert runs == alone


@pytest.mark.parametrize("name", ["a=b", "a,b (ü)", "it's", 'a"b', "a b\\", "[a]", "{a}", "2024", "null.d", "~a"])
def test_a_path_may_have_any_characters_and_begin_with_the_home_folder(name, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ä")
    given = zip(plan.PATHS, (name, f"/tmp/{name}", f"~/{name}", "~"), strict=True)
    [one] = plan.expand(["model=bert_large", *(f"{key}={path}" for key, path in given)])
    assert [attrgetter(key)(one) for key in plan.PATHS] == [name, f"/tmp/{name}", f"/home/ä/{name}", "/home/ä"]
    assert plan.expand(["model=bert_large", "model.path=null"])[0].model.path is None


def test_tasks_settings_and_seeds_of_a_grid_are_not_composed_one_by_one(monkeypatch):
    calls = []

    def counting(*given, compose=hydra.compose, **settings):
        calls.append(given)
        return compose(*given, **settings)

    monkeypatch.setattr(compose.hydra, "compose", counting)
    compose._composed.cache_clear()
    runs = plan.expand(["model=tiny_bert", "task=cola,rte", "method.r=2,4", "seed=range(1,40)"])
    assert len(runs) == 156
    assert len(calls) <= 3, "the sweeper's own settings, the method's unless they are known, the one choice of files"


def test_a_setting_that_a_method_lacks_is_for_the_other_methods_of_the_grid():
    command = ["model=tiny_bert", "method=full,lora,ina", "method.inhibition=0.1,0.3", "method.r=8,4"]
    names = ["full", "lora", "lora-r4", *("ina-inhibition0.1", "ina-r4-inhibition0.1", "ina", "ina-r4")]
    assert sorted(one.method_id for one in plan.expand(command)) == sorted(names)
    one_value = plan.expand(["model=tiny_bert", "method=lora,ina", "method.inhibition=0.5"])
    assert [one.method_id for one in one_value] == ["lora", "ina-inhibition0.5"]
    of_gate = plan.expand(["model=tiny_bert", "method=full,gate", "method.layers=choice(1)"])
    assert [one.method_id for one in of_gate] == ["full", "gate-layers1"]
    arguments = plan.expand(["method=lora,dora", "method.arguments.r=4,8"])
    assert [one.method_id for one in arguments] == ["lora", "dora-r4", "dora"]


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (["experiment=glue", "scale=huge"], "^experiment=glue_huge: there is no such experiment; did you mean glue_"),
        (["experiment=glue_small", "method=gate"], "^train.learning_rate has no value here .*recipe.rate.gate"),
        (["experiment=search_mini,search_small"], "search_mini,search_small: name one experiment per command"),
        (["task=colla"], r"^task=colla: there is no such task; did you mean cola\?$"),
        (["hydra/launcher=slrum"], "^hydra/launcher=slrum: there is no such launcher; did you mean slurm"),
        (["recipe=bert_large--lor"], "^recipe=bert_large--lor: there is no such recipe; there are .*bert_large--lora"),
        (["trian.epochs=3"], "^trian.epochs: there is no such setting; did you mean train?"),
        (["train.epochs.x=3"], "^train.epochs.x: there is no such setting$"),
        (["method=lora", "method.inhibition=0"], "inhibition: .*; there are name, kind, r, alpha, dropout, sites"),
        (["method.name=other"], "^method.name=other: it must be the name of its file in configs/method"),
        (["model="], "^model=: there is no such model; there are "),
        (["task=[rte,cola]"], r"^task=\[rte,cola\]: brackets make one list; .* add -m$"),
        (["data.dir="], "^data.dir=: the value is empty; name a folder, or leave data.dir out$"),
        (["task=glob(*)"], "^task=glob.*: name the values one by one, some of cola"),
        (["study=glue"], "^study=glue: `study` belongs in an experiment's entry; experiment=<name> chooses"),
        (["+study.interim=true"], "study.interim=true: `study` belongs in"),
        (["+hydra.sweeper.params.seed=1"], "^.*: give the setting itself several values, as in -m seed=1,2$"),
        (["task=null"], "task=null: leave it out, or name some of cola, mnli"),
        (["method=lora,5"], "method=lora,5: leave it out, or name some of adalora, dora, full, gate"),
        (["wandb.project=a (b)"], r"quote it for Hydra and for the shell: 'wandb.project=\"a \(b\)\"'"),
        (["cola"], "'cola' is not a setting; write key=value"),
        (["method=ina,lora", "method.r=0,-1"], r"method.r=0: (?s:.*)method.r=-1: "),
        (["seed=one,2"], "seed='one': "),
        (["method=lora", "method.inhibition=0.1,0.3"], "method.inhibition: there is no such setting"),
        (["method=lora,ina", "method.inhibtion=0.1,0.3"], "method.inhibtion: there is no such setting"),
        (["train.weight_decay=0.0,0.1"], "two runs of the sweep would both be named minilm--cola--ina--s1"),
        ([RATES], "an interval needs a search: add hydra/sweeper=optuna"),
    ],
)
def test_an_error_says_why_a_command_line_cannot_be_planned(grid, message):
    with pytest.raises(ConfigError, match=message):
        plan.expand(grid)


# from plan to summary


def test_a_sweep_prints_plan_runs_and_summary_and_does_only_missing_runs_when_started_again(tmp_path, cli):
    odd = tmp_path / "a=b, (ü)"  # a path that Hydra would not read
    arguments = grid(write_glue(odd / "data"), odd / "out")
    code, out, err = cli(*arguments)
    planned, first, second, summary = out.splitlines()
    assert code == 0 and err == ""
    assert planned == "2 runs: tiny_bert x cola, stsb x ina; data: files; time unknown until the first run has ended"
    assert first.startswith(f"[1/2] {COLA}: mcc best ")
    assert re.search(r"; \d+:\d\d elapsed, about \d+:\d\d left$", first)
    assert second.startswith(f"[2/2] {STSB}: pearson best ") and second.endswith(" elapsed")
    assert summary.startswith("2 runs: 2 done, 0 recorded before, 0 failed, in ")
    assert finished(odd / "out") == [COLA, STSB] and not any((odd / "out" / "sweeps").iterdir())

    command = record.read(place(odd / "out", STSB)).provenance.command
    assert command.startswith("python -m ina.run ") and " task=stsb " in command, "the one that does it alone"
    place(odd / "out", STSB).unlink()
    code, out, _ = cli(*arguments)
    planned, second, summary = out.splitlines()
    assert re.search(r"; 1 are recorded; about \d+:\d\d$", planned) and second.startswith(f"[2/2] {STSB}")
    assert code == 0 and "1 done, 1 recorded before, 0 failed" in summary


@pytest.mark.parametrize(
    ("dirty", "changed", "message"),
    [
        (True, [], "1 of them are saved to {out}, not {out}/results: ina/ or configs/ have uncommitted changes"),
        (False, ["train.epochs=9"], "1 of them are saved to {out}, not {out}/results: their settings are not "),
        (False, [], None),
    ],
)
def test_a_sweep_says_which_runs_of_an_experiment_stay_out_of_the_results(
    dirty, changed, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(versions, "code", lambda: ("0" * 40, dirty))
    where = ["data=probe", f"output_dir={tmp_path}", f"results_dir={tmp_path}/results"]
    command = ["experiment=distractors", "seed=1", "method=ina", *where, *changed]
    settings = compose.OmegaConf.create({"hydra": hydra_settings(command)})
    settings.hydra.sweep.dir = str(tmp_path / "sweep")
    _sweep.Sweep(command, settings, launcher=None)._print_plan()
    out = capsys.readouterr().out
    assert message.format(out=tmp_path) in out if message else "are saved to" not in out


def test_recorded_runs_are_skipped_without_torch_and_their_rows_are_read_once(glue, tmp_path):
    done, _ = run.run(configured(glue, tmp_path, "train.epochs=1"))
    config = done.config | {"seed": 2}
    settings = fingerprint_settings(config, "files", done.data.fingerprint, "float32")
    changed = {"id": done.id[:-1] + "2", "seed": 2, "config": config, "fingerprint": fingerprint(settings)}
    second = done.model_copy(update=changed)
    record.write(tmp_path, second, record.read_predictions(tmp_path, done))
    code = "import sys; sys.argv[0], sys.orig_argv[1:] = '-m', ['-m', 'ina.run']\n"  # as for a command
    code += "from ina import run, status; from hydra_plugins.ina_sweeper import _sweep; from ina import data\n"
    code += "load, calls = data.load, []; data.load = lambda *given: calls.append(given) or load(*given)\n"
    code += "status.main()\n"
    code += "try: run.cli()\nfinally: print(len(calls), 'torch' in sys.modules, 'transformers' in sys.modules)"
    arguments = ["-m", *overrides(glue, tmp_path, "train.epochs=1", "seed=1,2")]
    command = [sys.executable, "-c", code, *arguments]
    result = subprocess.run(command, cwd=CONFIG_DIR.parent, capture_output=True, text=True)
    assert "2 runs: 2 done, 0 other settings, 0 running, 0 failed, 0 missing" in result.stdout, result.stderr
    assert "0 done, 2 recorded before, 0 failed" in result.stdout, result.stderr
    assert result.stdout.splitlines()[-1] == "1 False False"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["method.r=0,8", "-m"], "method.r=0: "),  # -m may stand anywhere
        (["output_dir=/dev/null/there"], "nothing can be written to /dev/null/there"),
    ],
)
def test_nothing_is_started_when_a_run_of_the_grid_cannot_be_done(wrong, message, glue, tmp_path, cli):
    code, out, err = cli(*overrides(glue, tmp_path / "out", "task=cola,stsb", *wrong), *{"-m"} - {*wrong})
    assert (code, out) == (1, "") and err.startswith("nothing was started:") and message in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("grid", "begins"), [([], "error: "), (["-m", "seed=1,2"], "nothing was started:\n")])
def test_without_a_login_at_wandb_nothing_is_started(grid, begins, glue, tmp_path, cli, monkeypatch):
    def refuse(**_):
        raise wandb.errors.UsageError("No API key configured.")

    monkeypatch.setattr(wandb, "login", refuse)
    code, _, err = cli(*overrides(glue, tmp_path / "out", "wandb.mode=online", *grid))
    assert code == 1 and err.startswith(f"{begins}wandb.mode=online: nobody is logged in; run `wandb login`")
    assert not (tmp_path / "out").exists()


def test_a_sweep_whose_tasks_would_have_several_data_sources_is_refused(glue, tmp_path, cli, monkeypatch):
    has = {"cola": "hub", "stsb": "probe"}
    monkeypatch.setattr(data, "resolve", lambda task, _: has[task.name])
    code, _, err = cli(*grid(glue, tmp_path / "out"))
    assert (
        code == 1
        and "all runs of a sweep must use one data source, but these use cola hub, stsb probe: set data=" in err
    )


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
    failure = record.read(record.failure_path(tmp_path, None, "files", COLA))
    assert failure.status == "failed" and re.search("Traceback(?s:.*)CUDA out of memory", failure.error)
    assert failure.data.rows["train"] == 40 and failure.best is None
    assert finished(tmp_path) == [STSB]
    code, out, _ = cli(*grid(glue, tmp_path))
    assert code == 0 and finished(tmp_path) == [COLA, STSB] and not list((tmp_path / "failed").rglob("*.json"))


def test_a_run_that_fails_and_leaves_no_record_on_a_full_disk_ends_the_sweep(glue, tmp_path, cli, monkeypatch):
    def full_disk(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(record, "write", full_disk)
    code, out, err = cli(*grid(glue, tmp_path))
    assert code == 1 and "0 done, 0 recorded before, 0 failed, 2 not done" in out
    assert "error: No space left on device" in err


def test_a_damaged_record_fails_its_run_only_and_stays(glue, tmp_path, cli):
    place(tmp_path, COLA).parent.mkdir(parents=True)
    place(tmp_path, COLA).write_text("{")
    code, out, err = cli(*grid(glue, tmp_path))
    assert code == 1 and "1 done, 0 recorded before, 1 failed" in out and "is not a valid record" in err
    assert place(tmp_path, COLA).read_text() == "{"


def test_a_run_that_fails_before_it_begins_is_reported_and_the_others_go_on(glue, tmp_path, cli, monkeypatch):
    def lacks(model, task, head_dropout):
        if task.name == "cola" and has_begun(tmp_path):
            raise ValueError("the weights are not there")

    monkeypatch.setattr(run, "check_model", lacks)
    code, out, err = cli(*grid(glue, tmp_path, "task=cola,stsb", "method=ina", "seed=1"))
    assert (
        code == 1 and "2 runs: 1 done, 0 recorded before, 1 failed" in out and "the weights are not there" in out + err
    )


# several processes


def test_a_run_that_another_process_does_is_left_to_it(glue, tmp_path):
    cfg = configured(glue, tmp_path)
    with record.hold_lock(record.lock_path(tmp_path, None, "files", cfg.id), wait=False):
        with pytest.raises(Busy, match=f"{cfg.id} is being done by process {os.getpid()} on "):
            run.run(cfg, wait=False)
    assert not list(record.read_all(tmp_path))


def test_the_runs_in_progress_are_listed_while_they_train(glue, tmp_path, cli, monkeypatch):
    for module, interval in ((_sweep, "REPORT_S"), (_sweep, "POLL_S"), (train, "PROGRESS_S")):
        monkeypatch.setattr(module, interval, 0.01)
    code, out, err = cli(*grid(glue, tmp_path, "train.epochs=3", "task=stsb"))
    assert (code, err) == (0, "")
    doing = rf"{STSB} \(process {os.getpid()} on .*, epoch \d+\.\d of 3, about \d+:\d\d left\)"
    assert re.search(rf"^  in progress: {doing}$", out, re.M)


def test_a_sweep_leaves_a_run_to_the_process_that_does_it_and_takes_over_when_that_ends_without_it(
    glue, tmp_path, cli, monkeypatch
):
    with contextlib.ExitStack() as held:
        held.enter_context(record.hold_lock(record.lock_path(tmp_path, None, "files", COLA), wait=False))
        monkeypatch.setattr("time.sleep", lambda _: held.close())
        code, out, err = cli(*grid(glue, tmp_path))
    assert (code, err) == (0, "") and "2 runs: 2 done" in out
    assert f"\nwaiting for 1 runs that other processes are doing: {COLA}\n" in out


CANCELLED = "0 done, 0 recorded before, 0 failed, 1 cancelled, 1 not done"


@pytest.mark.parametrize(
    ("signals", "summary"),
    [
        ([signal.SIGINT], "1 done, 0 recorded before, 0 failed, 0 cancelled, 1 not done"),
        ([signal.SIGINT, signal.SIGINT], CANCELLED),
        ([signal.SIGTERM], CANCELLED),
    ],
    ids=["Ctrl-C", "Ctrl-C twice", "kill"],
)
def test_ctrl_c_lets_the_run_in_progress_finish_and_again_or_a_kill_cancels_it(
    signals, summary, glue, tmp_path, cli, monkeypatch
):
    def interrupted(*arguments, fit=train.fit, **settings):
        for sent in signals:
            os.kill(os.getpid(), sent)
        return fit(*arguments, **settings)

    monkeypatch.setattr(train, "fit", interrupted)
    code, out, err = cli(*grid(glue, tmp_path))
    assert (code, err) == (130, "") and f"2 runs: {summary}, in " in out
    failure = record.failure_path(tmp_path, None, "files", COLA)
    assert record.read(failure).status == "cancelled" if summary == CANCELLED else finished(tmp_path) == [COLA]


def test_joblib_does_runs_in_processes_which_finish_theirs_at_ctrl_c(glue, tmp_path):
    parallel = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "train.threads=null"]
    process = start(grid(glue, tmp_path, *parallel, "seed=1,2", "train.epochs=20"), tmp_path / "log")
    while len({path.parent for path in tmp_path.glob("work/*/epochs/*.json")}) < 2:
        assert process.is_alive(), (tmp_path / "log").read_text()
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to workers too
    process.join()
    log = (tmp_path / "log").read_text()
    assert process.exitcode == 130 and "stopping: no further run starts; runs in progress finish first" in log, log
    assert re.search(r"4 runs: [23] done, 0 recorded before, 0 failed, 0 cancelled, [12] not done, in ", log), log
    assert len({path.read_text().split(",")[0] for path in tmp_path.rglob("*.lock")}) == 2, "two processes did runs"
    first = next(record.read_all(tmp_path))
    threads = first.provenance.threads
    assert threads <= max(1, plan.workers() // 2), "they share the cores"
    same = [f"task={first.task}", f"seed={first.seed}", f"train.threads={threads}", "train.epochs=20"]
    assert numbers(run.run(configured(glue, tmp_path / "alone", *same))[0]) == numbers(first)


def test_the_slurm_launcher_has_one_job_a_run_that_is_queued_again_when_its_time_is_over():
    launcher = hydra_settings(["hydra/launcher=slurm"]).launcher
    assert launcher._target_.endswith("SlurmLauncher")
    assert launcher.tasks_per_node == 1 and launcher.max_num_timeout > 0


# Ray's dashboard takes seconds to start, and its workers would run at low priority
RAY = "{num_cpus: 1, include_dashboard: false, _system_config: {worker_niceness: 0}}"


@pytest.mark.parametrize(
    "launcher",
    [
        ["hydra/launcher=submitit_local", "hydra.launcher.timeout_min=5"],
        ["hydra/launcher=ray", f"+hydra.launcher.ray.init={RAY}"],
    ],
    ids=["slurm", "ray"],
)
def test_a_worker_of_a_launcher_leaves_a_record_like_any_other(launcher, glue, tmp_path):
    process = start(grid(glue, tmp_path, "task=cola", *launcher), tmp_path / "log")
    process.join()
    log = (tmp_path / "log").read_text()
    assert process.exitcode == 0, log
    assert f"[1/1] {COLA}: mcc best " in log and "1 done, 0 recorded before, 0 failed" in log
    assert finished(tmp_path) == [COLA]


@pytest.mark.parametrize(("killings", "code"), [(1, 0), (2, 1)])
def test_a_run_whose_worker_is_killed_is_tried_once_more_then_recorded_as_failed(
    killings, code, glue, tmp_path, cli, monkeypatch
):
    hydra_settings([])  # Hydra reloads its launchers when it first looks for them
    launcher = sys.modules["hydra._internal.core_plugins.basic_launcher"].BasicLauncher
    launch, killed = launcher.launch, []

    def launch_and_lose(*arguments, **settings):
        if len(killed) < killings:
            with record.hold_lock(record.lock_path(tmp_path, None, "files", COLA), wait=False):
                killed.append(COLA)
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


def test_a_worker_that_has_other_data_fails_instead_of_training_on_it(glue, tmp_path, cli, monkeypatch):
    resolve = data.resolve
    monkeypatch.setattr(data, "resolve", lambda *given: "hub" if has_begun(tmp_path) else resolve(*given))
    code, out, err = cli(*grid(glue, tmp_path))
    assert code == 1 and "0 done, 0 recorded before, 2 failed" in out
    assert "this worker finds data.source=hub, but the sweep uses files" in err


def test_a_users_folder_for_a_sweep_keeps_its_own_files(glue, tmp_path, cli):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    (tmp_path / "mine" / "stop").touch()  # left by a sweep that was ended
    code, _, err = cli(*grid(glue, tmp_path, f"hydra.sweep.dir={tmp_path}/mine"))
    assert (code, err) == (0, "") and [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_run_recorded_with_bfloat16_is_not_repeated_by_dtype_auto(glue, tmp_path, cli):
    assert cli(*grid(glue, tmp_path, "train.dtype=bfloat16"))[0] == 0
    code, out, _ = cli(*grid(glue, tmp_path, "train.dtype=auto"))
    assert code == 0 and "2 are recorded" in out
    _, new = run.run(configured(glue, tmp_path, "task=cola", "train.epochs=1", "train.dtype=auto"))
    assert not new, "a single run says the same"


def test_the_first_commands_of_the_readme_run_an_experiment_with_its_launcher_and_print_its_table(
    glue, tmp_path, cli, capfd
):
    small = ["model=tiny_bert", "task=stsb", "method=lora,ina", "train.dtype=float32", "hydra.launcher.n_jobs=1"]
    where = ["data=files", f"data.dir={glue}", f"output_dir={tmp_path}", f"results_dir={tmp_path}"]
    code, out, err = cli("experiment=glue_smoke", *small, *where)
    assert (code, err) == (0, "") and "2 runs: 2 done, 0 recorded before, 0 failed" in out
    tables.main(["glue_smoke", "--results", str(tmp_path), "--published"])
    shown = [[cell.strip() for cell in line.split("|")] for line in capfd.readouterr().out.splitlines()]
    for done in record.read_all(tmp_path, ["glue_smoke"]):
        score = f"{100 * done.best.metrics['pearson']:.1f}".replace("-", "−")
        assert any({done.labels.method, "best", score} <= {*cells} for cells in shown)


@pytest.mark.parametrize("experiment", ["distractors", "search_facts", "probe_card"])
def test_an_experiment_on_generated_data_takes_other_data_where_it_is_asked_for(experiment):
    for given, source in (([], "probe"), (["data=hub"], "hub")):
        assert {one.data.source for one in plan.expand([f"experiment={experiment}", *given])} == {source}


# searches and the state of a grid


SEARCH = ["-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1"]


def test_an_optuna_search_takes_the_best_score_on_held_out_training_rows(glue, tmp_path, cli):
    search = [*SEARCH, "+hydra.sweeper.sampler.seed=1", "hydra.sweeper.direction=maximize", RATES, "data.select=0.1"]
    code, _, err = cli(*overrides(glue, tmp_path, *search, "train.epochs=1"))
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


def test_the_state_of_a_run_on_generated_texts_depends_on_the_number_of_distractors(tmp_path):
    write_run(tmp_path, task="squad_v1", source="probe", experiment="adhoc")
    common = ["task=squad_v1", "method=lora", "data=probe", "train.epochs=2"]
    for given, state in (([], "done"), (["data.distractors=8"], "other settings")):
        assert plan.run_state(config.configured([*common, *given]), "probe", [tmp_path]) == state


def test_the_status_of_a_grid_counts_runs_by_how_far_they_are(glue, tmp_path, monkeypatch, capsys):
    done, running, failed, _ = (f"tiny_bert--stsb--ina--s{seed}" for seed in (1, 2, 3, 4))
    assert run.run(configured(glue, tmp_path, "seed=1"))[0].id == done
    monkeypatch.setattr(train, "fit", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run.run(configured(glue, tmp_path, "seed=3"))
    grid = ["status", *overrides(glue, tmp_path, "task=stsb", "seed=1,2,3,4"), "-m"]
    monkeypatch.setattr(sys, "argv", grid)
    with record.hold_lock(record.lock_path(tmp_path, None, "files", running), wait=False):
        status.main()
        held = record.lock_path(tmp_path, None, "files", running).read_text()
    assert held == f"process {os.getpid()} on {platform.node()}"
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["done", "other", "settings", "running", "failed", "missing"]
    assert lines[2].split() == ["files", "stsb", "tiny_bert", "ina", "1", "·", "1", "1", "1"]
    assert lines[-2] == "4 runs: 1 done, 0 other settings, 1 running, 1 failed, 1 missing"
    assert lines[-1] == f"  {failed}: failed: ZeroDivisionError: division by zero"

    monkeypatch.setattr(sys, "argv", ["status", "experiment=distractors", "method=lora", "seed=1", "train.epochs=5"])
    status.main()
    assert (
        "1 runs: 0 done, 0 other settings, 0 running, 0 failed, 1 missing" in capsys.readouterr().out.splitlines()[-1]
    )
    monkeypatch.setattr(sys, "argv", grid)

    lock = record.lock_path(tmp_path, None, "files", failed)
    os.utime(lock, (1, 1))
    status.main()
    assert lock.stat().st_mtime == 1, "a sweep takes a lock that is newer than itself for a run in progress"
    capsys.readouterr()

    monkeypatch.setattr(sys, "argv", [*grid, "data.source=probe", "data.dir=null"])
    status.main()
    *_, total, others = capsys.readouterr().out.splitlines()
    assert total == "4 runs: 0 done, 0 other settings, 0 running, 0 failed, 4 missing"
    assert others == "  recorded with data.source=files instead: 1 (set INA_DATA_DIR or data.dir)"
