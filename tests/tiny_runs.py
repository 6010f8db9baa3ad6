"""Real runs small enough for tests: a tiny model on a few dozen rows, in this process or in one of its own."""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import random
import sys
import threading
from pathlib import Path

import ina.train  # noqa: F401  with torch and transformers
from ina import config, run

gc.freeze()  # Trainer collects garbage when it starts; this keeps imported modules out of it

WORDS = "the a one cat dog bird man runs sees likes knows red big old here now not".split()


def write_glue(folder: Path, train: int = 40, dev: int = 24) -> Path:
    """Write CoLA and STS-B as distributed, with made-up sentences, on which STS-B's scores depend."""
    draw = random.Random(0)

    def sentence() -> str:
        return " ".join(draw.choices(WORDS, k=draw.randint(3, 9)))

    for split, size in (("train", train), ("dev", dev)):
        cola = [f"gj04\t{index % 2}\t\t{sentence()}" for index in range(size)]
        pairs = [(sentence(), sentence()) for _ in range(size)]
        stsb = [
            f"{index}\tg\tf\t2012\t1\tnone\tnone\t{one}\t{two}\t{len(one) % 6}"
            for index, (one, two) in enumerate(pairs)
        ]
        header = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore"
        for name, lines in (("CoLA", cola), ("STS-B", [header, *stsb])):
            path = folder / name / f"{split}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(lines) + "\n")
    return folder


def overrides(glue: Path, out: Path, *more: str) -> list[str]:
    """The command line of the smallest sensible run: STS-B, because its scores are not round numbers."""
    small = ["model=tiny_bert", "task=stsb", "train.epochs=3", "train.batch_size=8", "train.learning_rate=0.003"]
    where = [f"output_dir={out}", f"results_dir={out}/results"]
    where += [] if "data=probe" in more else ["data=files", f"data.dir={glue}"]
    small += ["train.threads=1", "train.dtype=float32"]
    given = {text.split("=")[0] for text in more}
    return [text for text in small + where if text.split("=")[0] not in given] + list(more)


def configured(glue: Path, out: Path, *more: str) -> config.RunConfig:
    return config.configured(overrides(glue, out, *more))


_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["ina.run", "ina.train", "ina.saved_models", "ina.tasks.labelled"])


def start(arguments: list[str], log: Path) -> multiprocessing.Process:
    """Start ``python -m ina.run`` in a new process with its own process group, with everything imported already."""
    process = _processes.Process(target=_main, args=(arguments, log))
    process.start()
    return process


def _main(arguments: list[str], log: Path) -> None:
    os.setsid()
    os.environ.pop("OMP_NUM_THREADS", None)  # with it, workers would not share the cores
    with open(log, "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["ina/run.py", *arguments]
    try:
        run.cli()
    finally:  # end as any process does; multiprocessing would first wait for launchers' idle workers
        threading._shutdown()
        atexit._run_exitfuncs()


def numbers(result) -> list:
    """All that must be the same when a run is repeated."""
    return [(one.epoch, one.metrics, one.train_loss, one.degenerate) for one in result.evaluations]
