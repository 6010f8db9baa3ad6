"""Several runs at once, the start of one run by part, and runs that are recorded already."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time

from ina import data, record, run, speed, train
from ina.config import fingerprint, numbers_depend_on

from .common import batches, begin, ids, model, quick, settings, stepper, table

RECORDED = 100

# python -c PARTS <start> <folder>: seconds from the start of the process to the end of each part of its first step
PARTS = """
import sys, time
start, folder = float(sys.argv[1]), sys.argv[2]
ends = []
def end(part): ends.append(f"{part} {time.time() - start:.3f}")
def told(module, name, part):
    original = getattr(module, name)
    def timed(*given, **settings):
        found = original(*given, **settings)
        end(part)
        return found
    setattr(module, name, timed)
import transformers
from ina import data, glue, methods, run, plan
from ina.config import check
end("imports")
told(data, "load", "data")
told(glue, "dev_sets", "features")
told(methods, "prepare", "model")
class First(transformers.TrainerCallback):
    def on_step_begin(self, *_, **__):
        end("trainer")
    def on_step_end(self, *_, **__):
        end("first step")
        print("PARTS", ";".join(ends), flush=True)
        import os
        os._exit(0)
transformers.trainer.DEFAULT_CALLBACKS.append(First())
run.run(check(plan.compose_config(["task=cola", "method=ina", f"output_dir={folder}", *sys.argv[3:]])))
"""


def section(short: bool) -> list[str]:
    """Three tables."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    layouts = {(runs, 1) for runs in (1, cores // 4, cores // 2, cores) if runs} | {(1, cores)}
    rates = {layout: throughput(*layout, seconds=4 if short else 12) for layout in sorted(layouts)}
    first = rates[1, 1]
    lines = table(
        ["runs at once", "threads each", "examples/s, all together", "of one run on one thread"],
        [[runs, threads, f"{rate:.0f}", f"{rate / first:.2f}"] for (runs, threads), rate in rates.items()],
    )
    with tempfile.TemporaryDirectory() as folder:
        parts = [start(folder) for _ in range(3)][1:]  # the first one fills the caches
        best = min(parts, key=lambda part: list(part.values())[-1])
        lines += [
            "",
            *table(["start of a run until the end of", *best], [["seconds", *(f"{s:.1f}" for s in best.values())]]),
        ]
        lines += ["", f"{RECORDED} recorded runs are skipped in {skipped(folder):.1f} s, imports included."]
    return lines


def throughput(runs: int, threads: int, seconds: float) -> float:
    """Examples per second of `runs` processes that train InA on CoLA's lengths at the same time."""
    with multiprocessing.get_context("spawn").Pool(runs) as pool:
        ready = pool.starmap(_prepare, [(threads,)] * runs, chunksize=1)
        assert len(ready) == runs
        return sum(pool.starmap(_train, [(seconds,)] * runs, chunksize=1))


@speed.exact_products_by_onednn()
def _prepare(threads: int) -> int:
    global _given, _step
    begin(threads)
    _given = batches("cola", 12)
    _step = stepper(quick(model(settings("cola", "ina")), ids("cola")))
    for batch in _given:
        _step(batch)
    time.sleep(1)  # so that every process gets one of these calls
    return os.getpid()


@speed.exact_products_by_onednn()
def _train(seconds: float) -> float:
    start, done = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < seconds:
        for batch in _given:
            _step(batch)
            done += len(batch["labels"])
    return done / passed


def start(folder: str) -> dict[str, float]:
    """Seconds from calling Python to the end of each part of a run of InA on CoLA."""
    told = subprocess.run(
        [sys.executable, "-c", PARTS, str(time.time()), folder], capture_output=True, text=True, check=True
    ).stdout
    ends = told.partition("PARTS ")[2].strip().split(";")
    return {part.rpartition(" ")[0]: float(part.rpartition(" ")[2]) for part in ends}


def skipped(folder: str) -> float:
    """Seconds of a sweep all of whose runs are recorded."""
    sweep = [
        "task=cola",
        "model=tiny_bert",
        "data=probe",
        "data.max_train=32",
        "train.epochs=1",
        f"output_dir={folder}",
    ]
    first = settings("cola", "ina", *sweep[1:])
    done, _ = run.run(first)
    predictions = record.read_predictions(folder, done)
    examples = data.load("cola", first.data)
    dtype = train.resolve_dtype(first.train.dtype, first.train.fast)
    for seed in range(1, RECORDED + 1):
        cfg = first.model_copy(update={"seed": seed})
        numbers = numbers_depend_on(cfg.model_dump(), done.source, examples.fingerprint, dtype)
        name = {"id": cfg.id, "seed": seed, "fingerprint": fingerprint(numbers), "config": cfg.model_dump()}
        record.write(folder, done.model_copy(update=name), predictions)
    begin = time.perf_counter()
    command = [sys.executable, "-m", "ina.run", "-m", *sweep, f"seed=range(1,{RECORDED + 1})"]
    subprocess.run(command, capture_output=True, check=True)
    return time.perf_counter() - begin
