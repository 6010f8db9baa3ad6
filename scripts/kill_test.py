"""Kill real runs at random moments and compare with runs that nothing interrupts: ``python scripts/kill_test.py``.

Each cell of methods x tasks is run once undisturbed; then again, where its process gets SIGKILL at a random moment, and
is started anew, until it has been killed as often as asked for; then it may end. The numbers of both must agree to the
last bit. Tiny model, embedded data; 20 kills take about two minutes on two cores.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from ina import record

METHODS = ("full", "lora", "ina", "ina_released")
TASKS = ("cola", "stsb", "mnli", "squad_v2")

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["ina.run"])


def start(method: str, task: str, out: Path) -> multiprocessing.Process:
    """A run in a process of its own."""
    process = processes.Process(target=work, args=(method, task, out))
    process.start()
    return process


def work(method: str, task: str, out: Path) -> None:
    """What that process does."""
    from ina import plan, run
    from ina.config import check

    sys.stdout = sys.stderr = open(out.with_suffix(".log"), "a")  # noqa: SIM115
    small = ["model=tiny_bert", "data=probe", "data.max_train=128", "train.epochs=4", "train.threads=1"]
    if task.startswith("squad"):
        small += ["task.max_length=96", "task.max_question_length=24", "task.doc_stride=32"]
    where = [f"output_dir={out}", f"results_dir={out}"]
    run.run(check(plan.compose_config([f"method={method}", f"task={task}", "train.dtype=float32", *small, *where])))


def outcome(out: Path) -> tuple:
    """All that has to be the same: metrics and losses of every epoch, and the predictions."""
    [result] = record.read_all(out)
    numbers = [(one.epoch, one.metrics, one.train_loss) for one in result.evaluations]
    return numbers, record.read_predictions(out, result)


def main() -> int:
    """Print a line a cell, and give 1 if any two runs differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None, help="of the moments; as good as any")
    arguments = parser.parse_args()
    cells = list(itertools.product(METHODS, TASKS))
    draw = random.Random(arguments.seed)
    kills = [arguments.kills // len(cells) + (index < arguments.kills % len(cells)) for index in range(len(cells))]
    print(f"{'method':14}{'task':10}{'kills':>6}  killed after (of 4 epochs, seconds)   same numbers", flush=True)
    differing = 0
    processes.Process(target=int).start()  # imports what every run will find imported
    with tempfile.TemporaryDirectory() as root:
        for (method, task), times in zip(cells, kills, strict=True):
            whole, killed = Path(root) / f"{method}-{task}-whole", Path(root) / f"{method}-{task}-killed"
            began = time.monotonic()
            start(method, task, whole).join()
            usual = time.monotonic() - began
            moments = []
            while len(moments) < times:
                began = time.monotonic()
                process = start(method, task, killed)
                process.join(draw.uniform(0.1 * usual, 0.9 * usual))
                process.kill()
                process.join()
                if process.exitcode != -signal.SIGKILL:  # it was quicker
                    shutil.rmtree(killed)
                    continue
                epochs = len(list(killed.glob("work/*/epochs/*.json")))
                moments.append(f"{epochs}, {time.monotonic() - began:.1f}")
            start(method, task, killed).join()
            (numbers, predictions), (again, predictions_again) = outcome(whole), outcome(killed)
            same = numbers == again and predictions.equals(predictions_again)
            differing += not same
            print(
                f"{method:14}{task:10}{len(moments):>6}  {'; '.join(moments):38} {'yes' if same else 'NO'}", flush=True
            )
    return int(differing > 0)


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    sys.exit(main())
