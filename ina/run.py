"""The entry point for training: ``python -m ina.run model=minilm task=cola method=ina seed=1``."""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from . import data, environment, plan, record, versions
from .compose import CONFIG_DIR, ConfigError, explain, options
from .config import ModelConfig, RunConfig, Task, check, configured
from .fingerprint import fingerprint, fingerprint_settings
from .record import USER_ERRORS, Busy, DataInfo, Params, Provenance, Record

if TYPE_CHECKING:  # torch and transformers take many seconds to import, so only runs that train import them
    from torch import nn

    from .train import Trained

logger = logging.getLogger(__name__)


def run(cfg: RunConfig, *, first: RunConfig | None = None, command: str = "", wait: bool = True) -> tuple[Record, bool]:
    """Do one run and record it, unless it is recorded already.

    Args:
        cfg: The run.
        first: With `train.start` only: the run that `cfg` starts from; it must be done and its model kept.
        command: The command line to record.
        wait: If another process is doing this run, wait for it instead of raising `Busy`.

    Returns:
        The record, and whether it is new.

    Raises:
        RecordError: A run of this name is recorded with other settings; the message shows which.
        Busy: Another process is doing this run, and `wait` is False.
        ValueError, OSError: Data or model cannot be loaded, or a folder cannot be written to; the message says which.
    """
    source = data.resolve(cfg.task, cfg.data)
    environment.check_device(cfg.train)
    environment.log_in(cfg.wandb)
    name = (cfg.experiment, source, cfg.id)
    commit, dirty = versions.code()
    root = plan.record_root(cfg, clean=dirty is False)
    path = record.record_path(root, *name)
    if not path.is_file() or cfg.model.path:
        check_model(cfg.model, cfg.task, cfg.train.head_dropout)
    record.check_writable(Path(cfg.output_dir))
    with record.hold_lock(record.lock_path(cfg.output_dir, *name), wait) as report_progress:
        known = {"source": source}  # goes into the record, even of a failure
        provenance = _provenance_at_start(cfg, commit, dirty, command)
        try:
            dtype = plan.number_format(cfg, path)
            examples = data.load(cfg.task, cfg.data)
            rows = {split: len(rows) for split, rows in examples.splits.items()}
            known["data"] = DataInfo(source=source, fingerprint=examples.fingerprint, rows=rows)
            origin = _origin(cfg, first, source, dirty is False, wait) if cfg.train.start else None
            known["start"] = origin and origin.fingerprint
            settings = fingerprint_settings(cfg.model_dump(), source, examples.fingerprint, dtype, known["start"])
            known["fingerprint"] = fingerprint(settings)
            if old_record := record.find(path, settings):
                logger.info("%s: already recorded, %s", cfg.id, record.headline_scores(old_record))
                if cfg.keep_model:
                    _warn_without_model(cfg, source)
                if record.first_process():
                    shutil.rmtree(_work_folder(cfg, known["fingerprint"]), ignore_errors=True)
                return old_record, False
            record.check_writable(path.parent)
            folder = _work_folder(cfg, known["fingerprint"])
            threads = _begin(cfg, folder)
            sizes = ", ".join(f"{size:,} {split}" for split, size in rows.items())
            logger.info("%s: data source %s (%s), %s, torch threads: %d", cfg.id, source, sizes, dtype, threads)
            model, trained, params = _train(cfg, examples, folder, origin, report_progress)
            result = _record(
                cfg,
                provenance | {"device": trained.device, "processes": trained.processes},
                **known,
                status="done",
                split="+".join(split for split in rows if split != "train"),
                n=len(trained.predictions),
                evaluations=trained.evaluations,
                best=trained.best,
                last=trained.last,
                predictions=None if cfg.data.select else record.predictions_path(*name),
                params=params,
                wall_seconds=trained.seconds,
                samples_per_second=trained.samples_per_second,
                peak_memory_mb=trained.peak_memory_mb,
            )
            if record.first_process():
                if cfg.keep_model:
                    from . import saved_models

                    saved_models.save(model, result, cfg.output_dir)
                record.write(root, result, trained.predictions)
                record.failure_path(cfg.output_dir, *name).unlink(missing_ok=True)
                shutil.rmtree(folder)
                logger.info("%s: %s -> %s", cfg.id, record.headline_scores(result), path)
            if trained.processes > 1:
                import torch

                torch.distributed.barrier()  # the next run may start from the model that process 0 has just saved
            return result, True
        except (SystemExit, Busy, record.RecordError):
            # not failures: submitit queues the job again; another process is doing the run that this one starts from;
            # the record of this run or of that one has other settings, or its model is gone
            raise
        except BaseException as error:
            status = "cancelled" if isinstance(error, KeyboardInterrupt) else "failed"
            _write_failure(cfg, _record(cfg, provenance, **known, status=status, error=traceback.format_exc()))
            raise


def check_model(model: ModelConfig, task: Task, head_dropout: float | None) -> None:
    """Raises ModelError if a model does not exist or does not support the task."""
    from . import models
    from .tasks import family

    models.check(model, family(task.family).head(task), task.max_length, head_dropout)


def _warn_without_model(cfg: RunConfig, source: str) -> None:
    from . import saved_models

    if not saved_models.path(cfg.output_dir, cfg.experiment, source, cfg.id).is_dir():
        again = "to train it again, set results_dir=… and output_dir=… to your own folders"
        logger.warning("%s: its model was not kept; %s", cfg.id, again)


def _origin(cfg: RunConfig, first: RunConfig | None, source: str, clean: bool, wait: bool) -> Record:
    """The record of the run that `cfg` starts from."""
    if first is None:
        raise ValueError(f"{cfg.id} has train.start={cfg.train.start}: pass the run that it starts from as `first`")
    plan.source([first, cfg])  # raises if their data sources differ
    name = (first.experiment, source, first.id)
    path = record.record_path(plan.record_root(first, clean), *name)
    with record.hold_lock(record.lock_path(first.output_dir, *name), wait):
        if not path.is_file():
            raise ValueError(f"{cfg.id} starts from {first.id}, which is not done: there is no {path}")
    return record.read(path)


def _provenance_at_start(cfg: RunConfig, commit: str | None, dirty: bool | None, command: str) -> dict[str, Any]:
    """The part of a record's `provenance` that is known when the run starts."""
    return {
        "commit": commit,
        "dirty": dirty,
        "command": command,
        "python": platform.python_version(),
        "versions": versions.packages(),
        "model_revision": cfg.model.revision,
        "device": None,
        "processes": None,
        "effective_batch": cfg.train.batch_size,
        "dtype": environment.resolve_dtype(cfg.train.dtype),
        "started": record.now(),
    }


def _record(cfg: RunConfig, provenance: dict[str, Any], **outcome: Any) -> Record:
    import torch

    return Record(
        id=cfg.id,
        model=cfg.model.name,
        task=cfg.task.name,
        method=cfg.method_id,
        seed=cfg.seed,
        experiment=cfg.experiment,
        headline=cfg.task.headline,
        config=cfg.model_dump(
            exclude={"results_dir": True, "output_dir": True, "keep_model": True, "wandb": True, "data": {"dir"}}
        ),
        provenance=Provenance(**provenance, threads=torch.get_num_threads(), finished=record.now()),
        **outcome,
    )


def record_failure(cfg: RunConfig, source: str, error: str) -> None:
    """Record a run as failed with `error` if its own process could not do so, for example because it was killed."""
    provenance = _provenance_at_start(cfg, *versions.code(), command="")
    _write_failure(cfg, _record(cfg, provenance, source=source, status="failed", error=error))


def _write_failure(cfg: RunConfig, failure: Record) -> None:
    try:
        path = record.write(cfg.output_dir, failure)
    except OSError as error:  # a full disk must not hide the first error
        logger.warning("%s: %s, and no record of it can be written: %s", cfg.id, failure.status, error)
    else:
        logger.info("%s: %s, see %s", cfg.id, failure.status, path)


def _work_folder(cfg: RunConfig, settings: str) -> Path:
    """The folder of the run's checkpoints, by the fingerprint of its settings."""
    return Path(cfg.output_dir) / "work" / f"{cfg.experiment or record.ADHOC}--{cfg.id}-{settings[:12]}"


def _begin(cfg: RunConfig, folder: Path) -> int:
    """Note in the work folder how the run begins; returns the number of torch threads, which can change rounding.

    Checkpoints of other versions of the code or packages are removed, because the numbers may differ. The number of
    threads is `train.threads`, else the number that the run began with, else that of idle cores, at most torch's own.
    """
    import torch

    from . import speed

    begun = folder / "begun.json"
    code = {"code": versions.loaded()[-1], "versions": versions.packages()}
    notes = json.loads(begun.read_text()) if begun.is_file() else {}
    threads = cfg.train.threads or notes.pop("threads", None) or min(torch.get_num_threads(), speed.idle_cores())
    torch.set_num_threads(threads)
    if record.first_process():
        if folder.exists() and {key: notes.get(key) for key in code} != code:
            logger.warning(
                "%s: restarts; the checkpoint in %s is from another version of the code or packages", cfg.id, folder
            )
            shutil.rmtree(folder)
        record.write_atomically(begun, lambda file: file.write_text(json.dumps(code | {"threads": threads})))
    return threads


def _train(
    cfg: RunConfig,
    examples: data.TaskData,
    folder: Path,
    origin: Record | None,
    report_progress: Callable[[str], None],
) -> tuple[nn.Module, Trained, Params]:
    import datasets
    import transformers

    from . import methods, models, saved_models, train
    from .tasks import family

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    task = family(cfg.task.family)
    head = task.head(cfg.task)
    tokenizer = models.load_tokenizer(cfg.model)
    features = task.train_features(cfg.task, examples.splits["train"], tokenizer)
    dev_sets = task.dev_sets(cfg.task, examples.splits, tokenizer)
    model = models.load(cfg.model, head, cfg.seed, cfg.train.head_dropout)
    transformers.set_seed(cfg.seed)
    in_head = models.head_modules(cfg.model, model)
    model, params = methods.prepare(cfg.method, model, in_head, methods.task_type(cfg))
    if origin:
        logger.info("%s: starts from %s", cfg.id, origin.id)
        folder_of_origin = saved_models.path(cfg.output_dir, origin.experiment, origin.source, origin.id)
        saved_models.start_from(folder_of_origin, origin, model, in_head)
    counts = (cfg.id, params.trainable, params.adapter, params.head, params.total)
    logger.info("%s: %s trainable weights (adapter %s, head %s) of %s", counts[0], *(f"{n:,}" for n in counts[1:]))
    with _wandb(cfg) as report_to:
        trained = train.fit(
            model,
            features,
            dev_sets,
            tokenizer,
            cfg.train,
            headline=cfg.task.headline,
            seed=cfg.seed,
            folder=folder,
            report_to=report_to,
            callbacks=methods.callbacks(model),
            on_progress=report_progress,
        )
    return model, trained, params


@contextmanager
def _wandb(cfg: RunConfig) -> Iterator[list[str]]:
    """Log to Weights & Biases inside the block, if `wandb.mode` is not disabled."""
    if cfg.wandb.mode == "disabled" or not record.first_process():
        yield []
        return
    import wandb

    Path(cfg.output_dir).mkdir(parents=True, exist_ok=True)
    try:
        wandb.init(
            project=cfg.wandb.project,
            entity=cfg.wandb.entity,
            mode=cfg.wandb.mode,
            name=cfg.id,
            group=cfg.experiment,
            config=cfg.model_dump(),
            dir=cfg.output_dir,
        )
    except wandb.errors.Error as error:
        raise ValueError(f"wandb.mode={cfg.wandb.mode}: {error}; wandb.mode=offline needs no network") from None
    try:
        yield ["wandb"]
    finally:
        wandb.finish()


@hydra.main(config_path=str(CONFIG_DIR), config_name="run", version_base="1.3")
def main(cfg: DictConfig) -> float | None:
    """Do the run of a composed config and return its best headline score, which a search maximises."""
    settings = HydraConfig.get()
    in_a_sweep = not OmegaConf.is_missing(settings.job, "num")
    sweep = Path(settings.sweep.dir) if in_a_sweep and "InaSweeper" in settings.sweeper._target_ else None
    _set_up_output(detailed=sweep is None)
    overrides = list(settings.overrides.task)
    if (recipe := settings.runtime.choices.get("recipe")) in options("recipe"):
        logger.info("settings of %s, see configs/recipe", recipe)
    try:
        run_config = check(cfg)
        if in_a_sweep and not sweep and run_config.data.select is None:
            raise ConfigError("a search needs data.select, such as 0.1: the share of training rows to evaluate on")
        return _do(run_config, overrides, sweep)
    except USER_ERRORS as error:
        if in_a_sweep:
            raise
        sys.exit(f"error: {record.explained(error)}")


def _do(cfg: RunConfig, overrides: list[str], sweep: Path | None) -> float | None:
    """Do the run of a command line, after the run that it starts from, if any.

    `sweep` is the folder of a sweep. There a failed run raises no error: it leaves a record, which the sweep reads.
    """
    first = None
    if cfg.train.start:
        first_overrides = plan.start_command(cfg, overrides)
        first = configured(first_overrides)
        _do(first, first_overrides, sweep)
    go = partial(run, cfg, first=first, command=" ".join(["python -m ina.run", *overrides]))
    if not sweep:
        result, _ = go()
        return result.best.metrics[result.headline]
    source, began = (sweep / "began").read_text(), (sweep / "began").stat().st_mtime
    if (sweep / "stop").exists() or plan.outcome(cfg, source, began):
        return None
    if (own_source := data.resolve(cfg.task, cfg.data)) != source:
        record_failure(cfg, source, f"this worker finds data.source={own_source}, but the sweep uses {source}")
        return None
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # this is a worker; the sweep handles Ctrl-C
    try:
        go(wait=False)
    except Busy:  # the sweep tries it again
        return None
    except KeyboardInterrupt:
        (sweep / "stop").touch()
    except Exception:
        if not plan.outcome(cfg, source, began):  # it failed before `run` could record it
            record_failure(cfg, source, traceback.format_exc())
        if not plan.outcome(cfg, source, began):  # without a record (full disk?) the sweep would not know
            raise
    return None


def _set_up_output(detailed: bool) -> None:
    warnings.filterwarnings("ignore", category=FutureWarning)  # the pinned libraries announce changes
    # at every checkpoint PEFT asks the hub whether the vocabulary has grown
    warnings.filterwarnings("ignore", message="Could not find a config file in ")
    package = logging.getLogger("ina")
    package.handlers = [logging.StreamHandler(sys.stdout)]
    package.setLevel(logging.INFO if detailed else logging.WARNING)


def cli() -> None:
    """`main` as a program: exit code 0, 1 if a run failed, or 130 after Ctrl-C."""
    if not record.first_process():
        sys.stdout = open(os.devnull, "w")
    # Hydra uses argparse, which does not accept settings on both sides of an option such as -m
    sys.argv[1:] = sorted(sys.argv[1:], key=lambda argument: "=" in argument and not argument.startswith("-"))
    # joblib warns when it restarts a worker to free memory
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given to the executor")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let exceptions through, including those of launchers
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.argv[1:] = plan.readable(sys.argv[1:])
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (HydraException, *USER_ERRORS) as error:
        print(f"error: {explain(error)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    from ina import run as importable  # workers import functions by name; there `__main__` is another module

    importable.cli()
