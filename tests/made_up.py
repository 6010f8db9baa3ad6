"""Made-up records for tests of reporting: the real schema, real files, invented predictions."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import OmegaConf
from sklearn import metrics as sk

from ina import record
from ina.analysis import measurement
from ina.analysis.measurement import ALL, Measurement, Reading
from ina.analysis.texts import KINDS
from ina.compose import compose
from ina.data.schema import level_split
from ina.record import DataInfo, Evaluation, Params, Provenance, Record

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODEL = "all-MiniLM-L6-v2"


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
    finished: str = "2026-11-23T05:53:00+00:00",
    **changed: Any,
) -> Record:
    """Write one finished run under `root`; its scores are those of its predictions.

    `skill` is the share of examples that the last epoch gets right, None a run that predicts one class; the best epoch
    is a little better. `select` makes it the trial of a search, named by its settings in `train`. `changed` are
    settings of the method that differ from its file.
    """
    rng = np.random.default_rng([seed, *map(ord, task + method + repr(sorted(changed.items())))])
    settings = _settings(model, task, method)
    task_settings = settings["task"]
    predict = _squad if task_settings["family"] == "squad" else _glue
    keys, last = predict(task, task_settings, n, skill, rng)
    _, best = predict(task, task_settings, n, None if skill is None else skill + 0.02, rng)
    evaluations = [_evaluation(1, task, keys, best), _evaluation(2, task, keys, last)]
    ranked = sorted(evaluations, key=lambda e: e.metrics[task_settings["headline"]], reverse=True)
    if ranked[0].epoch == 2:
        best = last
    label = "-".join([method, *(f"{key}{value}" for key, value in changed.items())])
    run_id = f"{model}--{task}--{label}--s{seed}"
    if select:
        run_id += f"--{'-'.join(map(str, (train or {}).values()))}"
    chosen = settings["method"] | changed
    per_rank = 9216 * len(chosen.get("sites", []))
    adapter = chosen.get("r", 0) * per_rank // 2
    total = 22_700_000
    head = 385 * (task_settings.get("classes") or 1)
    run = Record(
        id=run_id,
        model=model,
        task=task,
        method=label,
        seed=seed,
        experiment=experiment,
        source=source,
        fingerprint="f" * 64,
        status="done",
        headline=task_settings["headline"],
        data=DataInfo(source=source, fingerprint="d" * 64, rows={"train": 2 * n, "validation": n}),
        config={
            "model": settings["model"],
            "task": task_settings,
            "method": chosen,
            "data": {"source": source, "select": select, "max_train": None, "distractors": 2},
            "train": settings["train"] | {"epochs": 2} | (train or {}),
            "seed": seed,
        },
        provenance=Provenance(
            commit=COMMIT,
            dirty=dirty,
            command=f"python -m ina.run task={task} method={method} seed={seed}",
            python="3.11.7",
            versions={"torch": "2.13.0", "peft": "0.21.2"},
            model_revision=None,
            device="a processor",
            processes=1,
            effective_batch=32,
            dtype="bfloat16",
            threads=1,
            started="2026-11-23T05:52:00+00:00",
            finished=finished,
        ),
        split="validation",
        n=n,
        evaluations=evaluations,
        best=ranked[0],
        last=evaluations[-1],
        predictions=record.predictions_path(experiment, source, run_id),
        params=Params(adapter=adapter, head=head, trainable=adapter + head if adapter else total, total=total),
        wall_seconds=60.0 + seed,
        samples_per_second=200.0 if adapter else 100.0,
        peak_memory_mb=900.0 if adapter else 1400.0,
    )
    predictions = pd.DataFrame(
        keys | {f"best_{name}": value for name, value in best.items()} | {f"last_{k}": v for k, v in last.items()}
    )
    record.write(root, run, predictions)
    return run


def write_study(
    root: Path,
    tasks: tuple[str, ...] = ("cola", "sst2", "stsb", "mrpc"),
    methods: tuple[str, ...] = ("full", "lora", "ina"),
    seeds: tuple[int, ...] = (1, 2, 3),
    **settings: Any,
) -> None:
    """Write a grid of runs under `root`."""
    for task in tasks:
        for method in methods:
            for seed in seeds:
                write_run(root, task=task, method=method, seed=seed, **settings)


@cache
def _settings(*chosen: str) -> dict[str, Any]:
    groups = zip(("model", "task", "method"), chosen, strict=True)
    return OmegaConf.to_container(compose([f"{group}={name}" for group, name in groups]), resolve=True)


def _glue(task: str, of: dict[str, Any], n: int, skill: float | None, rng: np.random.Generator):
    truth = np.random.default_rng(len(task))  # the same dev set for every run
    keys = {"split": np.full(n, "validation"), "id": np.arange(n)}
    if of["classes"] is None:
        labels = truth.uniform(0, 5, n)
        noise = rng.normal(0, 1, n) * (1.5 - (skill or 0))
        return keys | {"label": labels}, {"prediction": np.full(n, 2.5) if skill is None else labels + noise}
    labels = truth.integers(0, of["classes"], n)
    if task == "mnli":
        keys["split"] = np.where(np.arange(n) % 2, "validation_matched", "validation_mismatched")
    if skill is None:
        return keys | {"label": labels}, {"prediction": np.ones(n, int)}
    wrong = (labels + rng.integers(1, of["classes"], n)) % of["classes"]
    return keys | {"label": labels}, {"prediction": np.where(rng.random(n) < skill, labels, wrong)}


def _squad(task: str, of: dict[str, Any], n: int, skill: float | None, rng: np.random.Generator):
    answerable = np.arange(n) % 2 == 0 if of["version_2"] else np.ones(n, bool)
    exact = (rng.random(n) < (skill or 0)).astype(float)
    keys = {
        "split": np.full(n, "validation"),
        "id": np.array([f"q{i}" for i in range(n)]),
        "paragraph": np.arange(n) // 4,
        "answerable": answerable,
    }
    f1 = np.where(answerable, np.maximum(exact, rng.random(n)), exact)
    texts = np.array(["" if skill is None or i % 3 else "red" for i in range(n)])
    return keys, {"text": texts, "exact": exact, "f1": f1, "null_odds": rng.normal(size=n)}


def _evaluation(epoch: int, task: str, keys: dict[str, Any], outcome: dict[str, Any]) -> Evaluation:
    metrics = _squad_metrics(keys, outcome) if "f1" in outcome else _glue_metrics(task, keys, outcome)
    first = outcome.get("prediction", outcome.get("text"))
    return Evaluation(epoch=epoch, metrics=metrics, degenerate=bool((first == first[0]).all()), train_loss=1 / epoch)


def _squad_metrics(keys: dict[str, Any], outcome: dict[str, Any]) -> dict[str, float]:
    metrics = {name: float(outcome[name].mean()) for name in ("exact", "f1")}
    if not keys["answerable"].all():
        for name, rows in (("HasAns", keys["answerable"]), ("NoAns", ~keys["answerable"])):
            metrics |= {f"{name}_{metric}": float(outcome[metric][rows].mean()) for metric in ("exact", "f1")}
        metrics |= {f"best_{metric}": metrics[metric] + 0.01 for metric in ("exact", "f1")}
        metrics |= {"best_exact_thresh": 0.5, "best_f1_thresh": 0.5}
    return metrics


def _glue_metrics(task: str, keys: dict[str, Any], outcome: dict[str, Any]) -> dict[str, float]:
    labels, found, splits = keys["label"], outcome["prediction"], keys["split"]
    if labels.dtype.kind == "f":
        constant = np.ptp(found) == 0
        return {
            "pearson": 0.0 if constant else float(np.corrcoef(labels, found)[0, 1]),
            "spearman": 0.0 if constant else float(pd.Series(labels).corr(pd.Series(found), method="spearman")),
        }
    if "validation_matched" in splits:
        return {
            f"accuracy_{half}": float(np.mean((labels == found)[splits == f"validation_{half}"]))
            for half in ("matched", "mismatched")
        }
    if task == "cola":
        return {"mcc": float(sk.matthews_corrcoef(labels, found))}
    accuracy = {"accuracy": float(np.mean(labels == found))}
    return accuracy | {"f1": float(sk.f1_score(labels, found))} if task in ("mrpc", "qqp") else accuracy


def write_levels(
    root: Path,
    method: str,
    seed: int,
    levels: tuple[int, ...],
    loss: float,
    questions: int = 300,
    experiment: str = "distractors",
    **changed: Any,
) -> None:
    """Write a run trained with two distractors, measured with `levels`; every step to more costs `loss` of its F1."""
    run = write_run(root, task="squad_v1", method=method, seed=seed, experiment=experiment, **changed)
    rng = np.random.default_rng([seed, *map(ord, method + repr(sorted(changed.items())))])
    ease = np.random.default_rng(0).uniform(0, 0.2, questions)  # the same questions for every run
    parts = []
    for step, level in enumerate(levels):
        f1 = np.clip(0.8 - ease - loss * step + rng.normal(0, 0.02, questions), 0, 1)
        split = "validation" if level == 2 else level_split(level)
        scores = {f"{rule}_{metric}": f1 for rule in ("best", "last") for metric in ("exact", "f1")}
        parts.append(pd.DataFrame({"split": split, "id": [f"q{i}" for i in range(questions)], **scores}))
    data = run.config["data"] | {"distractors": 2, "test_distractors": [level for level in levels if level != 2]}
    record.write(root, run.model_copy(update={"config": run.config | {"data": data}}), pd.concat(parts))


def write_measurement(
    root: Path, run: Record, *, answer: float = 0.05, distractor: float = 0.2, inhibited: float = 0.5, layers: int = 2
) -> Measurement:
    """Write what was measured inside the model of a run: two sites a layer, attention by layer the same.

    `answer` and `distractor` are the attention that these get, `inhibited` the share of components at distractors; at
    answers it is 0.1 less. A quarter of the maxima are negative.
    """
    kind = run.config["method"]["kind"]
    paid = {"special": 0.4, "punctuation": 0.1, "question": 0.2, "answer": answer, "distractor": distractor}
    paid["other"] = 1 - sum(paid.values())
    shares = {"special": 0.1, "punctuation": 0.1, "question": 0.2, "answer": 0.1, "distractor": 0.3, "other": 0.2}
    measures = {"update": 0.5}
    if kind == "ina":
        measures |= {"passed": 0.6, "inhibited": inhibited, "tail": 0.1, "negative_peak": 0.25, "raised": 0.9}
    rows = [(0, "", "share", ALL, to, share) for to, share in shares.items()]
    for layer in range(1, layers + 1):
        rows += [(layer, "", "attention", by, to, of) for by in (ALL, "answer") for to, of in paid.items()]
        for site in ("query", "key") if kind != "full" else ():
            for measure, of in measures.items():
                less = {"answer": 0.1 * (measure == "inhibited")}
                rows += [(layer, site, measure, by, "", of - less.get(by, 0)) for by in (ALL, *KINDS)]
            rows += [(layer, site, "rank_before", ALL, "", 4.0), (layer, site, "rank_behind", ALL, "", 3.0)]
        rows += [(layer, "", "moved", ALL, "", 0.3)] * (kind != "full")
    words = {"[CLS]": "special", "colour": "question", "?": "punctuation", "red": "answer", "black": "distractor"}
    maps = [np.full((len(words), len(words)), 1 / len(words)).tolist()] * layers
    found = Measurement(
        **run.model_dump(include={"id", "model", "task", "method", "seed", "fingerprint"}),
        split="validation",
        passages=run.n,
        tokens=40 * run.n,
        rows=rows,
        example=Reading(
            words=list(words),
            kinds=list(words.values()),
            answer="red" if run.seed > 1 else "black",
            maps=maps,
            merged_maps=maps if kind != "full" else None,
        ),
        origin={"commit": COMMIT, "command": "python -m ina.analysis made_up"},
    )
    measurement.add(root, run, found)
    return found
