"""Made-up records for tests of reporting: the real schema, real files, invented predictions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ina import record
from ina.analysis import measurement
from ina.analysis.measurement import ALL, Measurement, Reading
from ina.analysis.texts import KINDS
from ina.config import RunConfig, configured
from ina.data.schema import level_split
from ina.record import DataInfo, Evaluation, Params, Provenance, Record
from ina.tables.study import Study, studies
from ina.tasks.labelled import label_metrics
from ina.tasks.squad import answerable_metrics

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODEL = "all-MiniLM-L6-v2"
NOW = "2026-11-23T05:53:00+00:00"
RATES = {"": 0.002, "_lower_rate": 0.001, "_higher_rate": 0.004}  # by the ending of an experiment's name


def write_run(
    root: Path,
    *,
    task: str = "cola",
    method: str = "lora",
    seed: int = 1,
    skill: float | None = 0.8,
    n: int = 120,
    model: str = "minilm",
    experiment: str | None = "made_up",
    source: str = "files",
    dirty: bool = False,
    train: dict[str, Any] | None = None,
    select: float | None = None,
    **changed: Any,
) -> Record:
    """Write one finished run under `root`, with predictions and the scores that follow from them.

    `skill` is the share of examples that the last epoch gets right; None: it predicts one class. The best epoch is a
    little better. `select` makes the run a trial of a search, named by its settings in `train`. `changed` are settings
    of the method that differ from its file.
    """
    rng = np.random.default_rng([seed, *map(ord, task + method + repr(sorted(changed.items())))])
    cfg = _config(model, task, method)
    settings, headline = cfg.model_dump(), cfg.task.headline
    keys, last = _predicted(cfg, n, skill, rng)
    _, best = _predicted(cfg, n, None if skill is None else skill + 0.02, rng)
    evaluations = [_evaluation(cfg, epoch, keys, of) for epoch, of in enumerate((best, last), 1)]
    chosen = max(evaluations, key=lambda evaluation: evaluation.metrics[headline])
    best = last if chosen.epoch == 2 else best
    label = "-".join([method, *(f"{key}{value}" for key, value in changed.items())])
    run_id = f"{model}--{task}--{label}--s{seed}"
    if select:
        run_id += f"--{'-'.join(map(str, (train or {}).values()))}"
    of_method = settings["method"] | changed
    adapter, total = of_method.get("r", 0) * 9216 * len(of_method.get("sites", [])) // 2, 22_700_000
    head = 385 * (settings["task"].get("classes") or 1)
    run = Record(
        id=run_id, model=model, task=task, method=label, seed=seed, experiment=experiment, source=source,
        fingerprint="f" * 64, status="done", headline=headline, split="validation", n=n,
        data=DataInfo(source=source, fingerprint="d" * 64, rows={"train": 2 * n, "validation": n}),
        config=settings | {
            "method": of_method,
            "data": {"source": source, "select": select, "max_train": None, "distractors": None},
            "train": settings["train"] | {"epochs": 2} | (train or {}),
            "seed": seed,
        },
        provenance=Provenance(
            commit=COMMIT, dirty=dirty, command=f"python -m ina.run task={task} method={method} seed={seed}",
            python="3.11.7", versions={"torch": "2.13.0", "peft": "0.21.2"}, model_revision=None, device="a processor",
            processes=1, effective_batch=32, dtype="bfloat16", threads=1, started=NOW, finished=NOW,
        ),
        evaluations=evaluations, best=chosen, last=evaluations[-1],
        predictions=record.predictions_path(experiment, source, run_id),
        params=Params(adapter=adapter, head=head, trainable=adapter + head if adapter else total, total=total),
        wall_seconds=60.0 + seed, samples_per_second=200.0, peak_memory_mb=900.0,
    )  # fmt: skip
    columns = {f"{rule}_{name}": of for rule, found in (("best", best), ("last", last)) for name, of in found.items()}
    record.write(root, run, pd.DataFrame(keys | columns))
    return run


def rewrite(root: Path, run: Record, **changed: Any) -> None:
    """Write a run again with other values of some fields, and the same predictions."""
    record.write(root, run.model_copy(update=changed), record.read_predictions(root, run))


def write_study(
    root: Path,
    tasks: tuple[str, ...] = ("cola", "sst2", "stsb", "mrpc"),
    methods: tuple[str, ...] = ("full", "lora", "ina"),
    seeds: Sequence[int] = (1, 2, 3),
    **settings: Any,
) -> None:
    """Write a grid of runs under `root`."""
    for task in tasks:
        for method in methods:
            for seed in seeds:
                write_run(root, task=task, method=method, seed=seed, **settings)


def write_arms(
    root: Path,
    skills: dict[str, float | None],
    tasks: tuple[str, ...] = ("sst2",),
    seeds: Sequence[int] = range(5),
    n: int = 1000,
    **settings: Any,
) -> None:
    """Write a grid of runs under `root`, with a skill for each method."""
    for method, skill in skills.items():
        write_study(root, tasks, (method,), seeds, skill=skill, n=n, **settings)


def write_rates(root: Path, skills: dict[str, float | None], rates: Iterable[str] = RATES, **settings: Any) -> None:
    """Write an experiment and its repetitions at a lower and a higher rate, or some of the three; see `RATES`."""
    for ending in rates:
        at = {"experiment": f"made_up{ending}", "train": {"learning_rate": RATES[ending]}}
        write_arms(root, skills, **{"seeds": (1, 2, 3), "n": 500} | at | settings)


def study(root: Path, experiment: str = "made_up") -> Study:
    """The study of an experiment under `root`, which has one data source."""
    [found] = studies(root, experiment)
    return found


@cache
def _config(*chosen: str) -> RunConfig:
    return configured([f"{group}={name}" for group, name in zip(("model", "task", "method"), chosen, strict=True)])


def _predicted(cfg: RunConfig, n: int, skill: float | None, rng: np.random.Generator) -> tuple[dict, dict]:
    """The keys of the examples, the same for every run, and a run's predictions."""
    keys = {"split": np.full(n, "validation"), "id": np.arange(n)}
    if cfg.task.family == "squad":
        answerable = np.arange(n) % 2 == 0 if cfg.task.version_2 else np.ones(n, bool)
        exact = (rng.random(n) < (skill or 0)).astype(float)
        f1 = np.where(answerable, np.maximum(exact, rng.random(n)), exact)
        texts = np.array(["" if skill is None or i % 3 else "red" for i in range(n)])
        keys |= {"id": np.array([f"q{i}" for i in range(n)]), "paragraph": np.arange(n) // 4, "answerable": answerable}
        return keys, {"text": texts, "exact": exact, "f1": f1, "null_odds": rng.normal(size=n)}
    truth, classes = np.random.default_rng(len(cfg.task.name)), getattr(cfg.task, "classes", 4)
    if cfg.task.name == "mnli":
        keys["split"] = np.where(np.arange(n) % 2, "validation_matched", "validation_mismatched")
    if classes is None:
        labels = truth.uniform(0, 5, n)
        predicted = labels + rng.normal(0, 1, n) * (1.5 - (skill or 0))
    else:
        labels = truth.integers(0, classes, n)
        wrong = (labels + rng.integers(1, classes, n)) % classes
        predicted = np.where(rng.random(n) < (skill or 0), labels, wrong)
    return keys | {"label": labels}, {"prediction": np.ones_like(labels) if skill is None else predicted}


def _evaluation(cfg: RunConfig, epoch: int, keys: dict[str, Any], found: dict[str, Any]) -> Evaluation:
    if "f1" in found:
        exact, f1, answerable = found["exact"], found["f1"], keys["answerable"]
        metrics = {"exact": float(exact.mean()), "f1": float(f1.mean())}
        if cfg.task.version_2:
            metrics |= answerable_metrics(exact, f1, answerable)
            metrics |= {f"best_{name}": metrics[name] + 0.01 for name in ("exact", "f1")}
            metrics |= {"best_exact_thresh": 0.5, "best_f1_thresh": 0.5}
    else:
        metrics = {}
        for split in np.unique(keys["split"]):
            rows = keys["split"] == split
            of_split = label_metrics(cfg.task, found["prediction"][rows], keys["label"][rows])
            metrics |= {name + split.removeprefix("validation"): value for name, value in of_split.items()}
    first = found.get("prediction", found.get("text"))
    return Evaluation(epoch=epoch, metrics=metrics, degenerate=bool((first == first[0]).all()), train_loss=1 / epoch)


def write_levels(
    root: Path,
    method: str,
    seed: int,
    levels: tuple[int, ...],
    loss: float,
    questions: int = 300,
    experiment: str = "distractors",
    task: str = "squad_v1",
    **changed: Any,
) -> None:
    """Write a run trained with two distractors and measured with `levels`; F1 falls by `loss` from level to level.

    Four questions share a paragraph; with distractors, each has its own paragraph.
    """
    run = write_run(root, task=task, method=method, seed=seed, experiment=experiment, **changed)
    rng = np.random.default_rng([seed, *map(ord, method + repr(sorted(changed.items())))])
    ease = np.random.default_rng(0).uniform(0, 0.2, questions)  # the same questions for every run
    parts = []
    for step, level in enumerate(levels):
        f1 = np.clip(0.8 - ease - loss * step + rng.normal(0, 0.02, questions), 0, 1)
        split = "validation" if level == 2 else level_split(level)
        scores = {f"{rule}_{metric}": f1 for rule in ("best", "last") for metric in ("exact", "f1")}
        paragraph = np.arange(questions) // (4 if level == 0 else 1)
        keys = {"split": split, "id": [f"q{i}" for i in range(questions)], "paragraph": paragraph}
        parts.append(pd.DataFrame(keys | scores))
    data = run.config["data"] | {"distractors": 2, "test_distractors": [level for level in levels if level != 2]}
    record.write(root, run.model_copy(update={"config": run.config | {"data": data}}), pd.concat(parts))


def write_measurement(
    root: Path, run: Record, *, answer: float = 0.05, distractor: float = 0.2, inhibited: float = 0.5
) -> None:
    """Write a measurement inside the model of a run: two equal layers with two sites each.

    `answer` and `distractor` are the attention that these tokens get. `inhibited` is the share of inhibited components;
    at answers it is 0.1 less. A quarter of the maxima are negative.
    """
    kind = run.config["method"]["kind"]
    paid = {"special": 0.4, "punctuation": 0.1, "question": 0.2, "answer": answer, "distractor": distractor}
    paid["other"] = 1 - sum(paid.values())
    shares = {"special": 0.1, "punctuation": 0.1, "question": 0.2, "answer": 0.1, "distractor": 0.3, "other": 0.2}
    measures = {"update": 0.5}
    if kind == "ina":
        measures |= {"passed": 0.6, "inhibited": inhibited, "tail": 0.1, "negative_peak": 0.25, "raised": 0.9}
    rows = [(0, "", "share", ALL, to, share) for to, share in shares.items()]
    for layer in (1, 2):
        rows += [(layer, "", "attention", by, to, of) for by in (ALL, "answer") for to, of in paid.items()]
        for site in ("query", "key") if kind != "full" else ():
            for measure, of in measures.items():
                less = {"answer": 0.1 * (measure == "inhibited")}
                rows += [(layer, site, measure, by, "", of - less.get(by, 0)) for by in (ALL, *KINDS)]
            rows += [(layer, site, "rank_before", ALL, "", 4.0), (layer, site, "rank_behind", ALL, "", 3.0)]
        rows += [(layer, "", "moved", ALL, "", 0.3)] * (kind != "full")
    words = {"[CLS]": "special", "colour": "question", "?": "punctuation", "red": "answer", "black": "distractor"}
    maps = [np.full((len(words), len(words)), 1 / len(words)).tolist()] * 2
    example = Reading(
        words=list(words),
        kinds=list(words.values()),
        answer="red" if run.seed > 1 else "black",
        maps=maps,
        merged_maps=maps if kind != "full" else None,
    )
    found = Measurement(
        **run.model_dump(include={"id", "model", "task", "method", "seed", "fingerprint"}),
        split="validation",
        passages=run.n,
        tokens=40 * run.n,
        rows=rows,
        example=example,
        origin={"commit": COMMIT, "command": "python -m ina.analysis made_up"},
    )
    measurement.add(root, run, found)
