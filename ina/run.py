"""The one entry point: ``python -m ina.run model=minilm task=cola method=ina seed=1``."""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import hydra
import torch
import transformers
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from . import data, methods, models, record, sweep, train
from .config import CONFIG_DIR, RunConfig, check, fingerprint, numbers_depend_on
from .record import DataInfo, Params, Record, RecordError
from .task import family

USER_ERRORS = (ValueError, OSError)  # told in one sentence; anything else is a bug and shows its traceback


def run(cfg: RunConfig) -> tuple[Record, bool]:
    """Do one run and record it, unless it is recorded already.

    Returns:
        The record, and whether it is new.

    Raises:
        RecordError: A run of this name is recorded with other settings; the message shows which.
        ValueError, OSError: The data or the model cannot be had; the message says what is missing.
    """
    started = time.time()
    source = data.resolve(cfg.task.name, cfg.data)
    examples = data.load(cfg.task.name, cfg.data)
    dtype = train.resolve_dtype(cfg.train.dtype)
    settings = numbers_depend_on(cfg.model_dump(), source, examples.fingerprint, dtype)
    commit, dirty = record.git_state(CONFIG_DIR.parent)
    official = commit is not None and not dirty and _belongs_to_its_experiment(cfg)
    root = Path(cfg.results_dir if official else cfg.output_dir)
    found = _recorded(root, cfg, settings)
    if found:
        print(f"{cfg.id}: already recorded, {_told(found)}", flush=True)
        return found, False

    sizes = ", ".join(f"{len(rows):,} {split}" for split, rows in examples.splits.items())
    print(f"{cfg.id}: data source {source} ({sizes}), {dtype}", flush=True)
    info = DataInfo(
        source=source,
        fingerprint=examples.fingerprint,
        rows={split: len(rows) for split, rows in examples.splits.items()},
    )
    folder = Path(cfg.output_dir) / "work" / f"{cfg.id}-{fingerprint(settings)[:12]}"
    identity: dict[str, Any] = {
        "id": cfg.id,
        "model": cfg.model.name,
        "task": cfg.task.name,
        "method": cfg.method_label,
        "seed": cfg.seed,
        "experiment": cfg.experiment,
        "source": source,
        "fingerprint": fingerprint(settings),
        "headline": cfg.task.headline,
        "data": info,
        "config": cfg.model_dump(exclude={"results_dir": True, "output_dir": True, "wandb": True, "data": {"dir"}}),
    }

    def circumstances(device: str | None = None, processes: int | None = None) -> record.Provenance:
        return record.provenance(
            commit=commit,
            dirty=dirty,
            model_revision=cfg.model.revision,
            device=device,
            processes=processes,
            effective_batch=cfg.train.batch_size,
            dtype=dtype,
            threads=torch.get_num_threads(),
            started=started,
        )

    try:
        trained, params = _train(cfg, examples, folder)
    except BaseException as error:
        status = "cancelled" if isinstance(error, KeyboardInterrupt | SystemExit) else "failed"
        failure = Record(**identity, status=status, error=traceback.format_exc(), provenance=circumstances())
        path = record.write_failure(cfg.output_dir, failure)
        print(f"{cfg.id}: {status}, see {path}", file=sys.stderr, flush=True)
        raise
    result = Record(
        **identity,
        status="done",
        split="+".join(split for split in examples.splits if split != "train"),
        n=len(trained.predictions),
        evaluations=trained.evaluations,
        best=trained.best,
        last=trained.last,
        predictions=record.predictions_path(cfg.experiment, source, cfg.id),
        params=params,
        provenance=circumstances(trained.device, trained.processes),
        wall_seconds=trained.seconds,
        samples_per_second=trained.samples_per_second,
        peak_memory_mb=trained.peak_memory_mb,
    )
    path = record.write(root, result, trained.predictions)
    shutil.rmtree(folder)
    print(f"{cfg.id}: {_told(result)} -> {path}", flush=True)
    return result, True


def _train(cfg: RunConfig, examples: data.TaskData, folder: Path) -> tuple[train.Trained, Params]:
    task = family(cfg.task.family)
    head = task.head(cfg.task)
    tokenizer = models.load_tokenizer(cfg.model)
    features = task.train_features(cfg.task, examples.splits["train"], tokenizer)
    dev_sets = task.dev_sets(cfg.task, examples.splits, tokenizer)
    model = models.load(cfg.model, head, cfg.seed, cfg.train.head_dropout)
    transformers.set_seed(cfg.seed)
    model, params = methods.prepare(
        cfg.method, model, models.head_modules(cfg.model, model, head), span=head.kind == "span"
    )
    print(f"{cfg.id}: {params.trainable:,} trainable weights (adapter {params.adapter:,}, head {params.head:,}) "
          f"of {params.total:,}", flush=True)  # fmt: skip
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
        )
    return trained, params


def _belongs_to_its_experiment(cfg: RunConfig) -> bool:
    """Whether the run is one of those that its experiment file stands for, unchanged on the command line."""
    if cfg.experiment is None or not (CONFIG_DIR / "experiment" / f"{cfg.experiment}.yaml").is_file():
        return False
    planned = sweep.experiment_runs(cfg.experiment).get(cfg.id)
    if planned is None:
        return False
    same = ("", "", "")  # data and number format are the machine's, not the experiment's
    return numbers_depend_on(planned.model_dump(), *same) == numbers_depend_on(cfg.model_dump(), *same)


def _recorded(root: Path, cfg: RunConfig, settings: dict[str, Any]) -> Record | None:
    path = record.record_path(root, cfg.experiment, settings["data.source"], cfg.id)
    if not path.is_file():
        return None
    found = record.read(path)
    if found.fingerprint == fingerprint(settings):
        return found
    theirs = numbers_depend_on(found.config, found.source, found.data.fingerprint, found.provenance.dtype)
    differing = [
        f"  {key}: {theirs.get(key)!r} there, {settings.get(key)!r} here"
        for key in sorted(theirs.keys() | settings.keys())
        if theirs.get(key) != settings.get(key)
    ]
    raise RecordError(
        f"{cfg.id} is recorded with other settings in {path}:\n" + "\n".join(differing) + "\n"
        "Give this run another place (results_dir=…, output_dir=…) or delete that record."
    )


@contextmanager
def _wandb(cfg: RunConfig) -> Iterator[list[str]]:
    """Log to Weights & Biases while the block runs, if the configuration says so."""
    if cfg.wandb.mode == "disabled":
        yield []
        return
    import wandb

    os.environ["WANDB_WATCH"] = "false"
    Path(cfg.output_dir).mkdir(parents=True, exist_ok=True)
    wandb.init(
        project=cfg.wandb.project,
        entity=cfg.wandb.entity,
        mode=cfg.wandb.mode,
        name=cfg.id,
        group=cfg.experiment,
        config=cfg.model_dump(),
        dir=cfg.output_dir,
    )
    try:
        yield ["wandb"]
    finally:
        wandb.finish()


def _told(result: Record) -> str:
    best, last = (evaluation.metrics[result.headline] for evaluation in (result.best, result.last))
    degenerate = ", DEGENERATE: one class predicted" if result.last.degenerate else ""
    return f"{result.headline} best {best:.4f} (epoch {result.best.epoch}), last {last:.4f}{degenerate}"


@hydra.main(config_path=str(CONFIG_DIR), config_name="run", version_base="1.3")
def main(cfg: DictConfig) -> dict[str, str]:
    """Run what the command line says; in a sweep a failed run is reported and the next one starts."""
    transformers.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    transformers.logging.disable_progress_bar()
    alone = HydraConfig.get().mode == RunMode.RUN
    run_id = None
    try:
        checked = check(cfg)
        run_id = checked.id
        _, new = run(checked)
        return {"id": run_id, "outcome": "done" if new else "recorded"}
    except USER_ERRORS as error:
        if alone:
            sys.exit(f"error: {error}")
        print(f"error: {error}", file=sys.stderr, flush=True)
    except Exception:
        if alone:
            raise
        traceback.print_exc()
    return {"id": run_id, "outcome": "failed"}


if __name__ == "__main__":
    main()
