"""What our own runs say: verdicts on pairs of methods, told for each model and data source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from ..tables.ablation import is_ablation, ordered, panels, varied
from ..tables.collect import RULES, Study, task_label
from ..tables.distractors import Advantage
from ..tables.layout import points, signed
from ..tables.outcomes import summarise
from ..tables.verdicts import Judged, judge

PAPER_MODELS = ("bert_large", "roberta_large", "deberta_large", "deberta_v3_large")
VERDICTS = ("better", "equivalent", "worse", "undecided", "depends on the rate")

Evidence = tuple[str, str, str]  # kind, on what, what it shows
Compared = TypeVar("Compared", "Pair", Advantage)  # the advantage of method `a` of `model` over `b` on `task`


@dataclass(frozen=True)
class Pair:
    """Our verdicts on a pair of methods on one task (None: mean over tasks), by both rules of selection."""

    study: Study
    best: Judged
    last: Judged

    @property
    def model(self) -> str:
        return self.best.model

    @property
    def task(self) -> str | None:
        return self.best.task

    @property
    def a(self) -> str:
        return self.best.a

    @property
    def b(self) -> str:
        return self.best.b

    @property
    def settings(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The settings of both methods."""
        found = {run.method: run.config["method"] for run in self.study.runs}
        return found[self.a], found[self.b]

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the two methods are: "full", "lora" or "ina"."""
        return tuple(of["kind"] for of in self.settings)

    @property
    def changed(self) -> set[str]:
        """Settings in which the two differ."""
        a, b = self.settings
        return {key for key in a.keys() | b.keys() if a.get(key) != b.get(key)}

    @property
    def activation(self) -> str:
        """Activation of the first method."""
        return self.settings[0]["activation"]

    @property
    def verdict(self) -> str:
        """The verdict where both rules agree, else "undecided"."""
        verdicts = {self.best.verdict.verdict, self.last.verdict.verdict}
        return verdicts.pop() if len(verdicts) == 1 else "undecided"

    @property
    def scale(self) -> str:
        """The model, and whether the data are real."""
        generated = " on generated data" if self.study.source == "probe" else ""
        return self.study.model_label(self.model) + generated

    @property
    def at_paper_scale(self) -> bool:
        return self.model in PAPER_MODELS and self.study.source != "probe"


def pairs(studies: list[Study]) -> list[Pair]:
    """Every pair of methods of our runs with its verdicts."""
    found = []
    for study in studies:
        best, last = (judge(study, rule) for rule in RULES)
        found += [Pair(study, *both) for both in zip(best, last, strict=True)]
    return found


def weightiest(found: Iterable[tuple[Study, Compared]]) -> list[tuple[Study, Compared]]:
    """Of comparisons of the same methods of a model on the same task and source of data, the one that counts.

    It is the one with the most training examples, then seeds, and of equals the newest, which knew the others.
    """

    def weight(study: Study, one: Compared) -> tuple[int, int, str]:
        runs = study.cells[one.model, one.task, one.a].runs
        return runs[0].data.rows["train"], len(runs), max(run.provenance.finished for run in runs)

    chosen: dict[tuple[str, ...], tuple[Study, Compared]] = {}
    for study, one in found:
        key = (one.model, study.source, one.task, one.a, one.b)
        chosen[key] = max(chosen.get(key, (study, one)), (study, one), key=lambda of: weight(*of))
    return list(chosen.values())


def on_tasks(found: list[Pair]) -> list[Pair]:
    """The pairs on single tasks that count."""
    return [pair for _, pair in weightiest((pair.study, pair) for pair in found if pair.task)]


def where(study: Study, model: str) -> str:
    """Model, experiment and data of our evidence."""
    return f"{study.model_label(model)}, {study.experiment}, data source {study.source}"


def evidence(found: list[Pair]) -> Iterator[Evidence]:
    """One line for each study, model and pair of methods: the verdicts with the differences, best / last epoch."""
    groups: dict[tuple[str, str, str, str], list[Pair]] = {}
    for pair in found:
        groups.setdefault((pair.study.name, pair.model, pair.a, pair.b), []).append(pair)
    for (_, model, a, b), group in groups.items():
        study = group[0].study
        texts = []
        for verdict in VERDICTS:
            of = [_difference(pair) for pair in group if pair.task and pair.verdict == verdict]
            texts += [f"{verdict} on {', '.join(of)}"] * bool(of)
        texts += [f"mean {_difference(pair)}: {pair.verdict}" for pair in group if not pair.task]
        label = f"{study.method_label(a)} − {study.method_label(b)}"
        yield "ours", where(study, model), f"{label}, best / last epoch: {'; '.join(texts)}"


def evidence_on_activations(studies: list[Study]) -> Iterator[Evidence]:
    """One line for each ablation of the activation, model and task: the mean score of each arm, and what collapsed."""
    for study in studies:
        if not is_ablation(study) or "activation" not in varied(study):
            continue
        for model, task in panels(study):
            cells = ordered(study, model, task)
            means = [f"{study.method_label(c.method)} {points(summarise(study, c, 'best').mean)}" for c in cells]
            runs, failed = sum(len(c.runs) for c in cells), sum(c.degenerate("last") for c in cells)
            collapsed = f"{failed} of {runs} runs are degenerate"
            text = f"{task_label(task)}, means of best epochs: {', '.join(means)}; {collapsed}"
            yield "ours", where(study, model), text


def state(found: list[Pair], good: set[str], bad: set[str], otherwise: str) -> str:
    """The state of a claim that holds where verdicts are `good`: at the paper's scale, then at every other.

    Args:
        found: Our pairs that bear on the claim.
        good: Verdicts that support it.
        bad: Verdicts that contradict it.
        otherwise: What is known where we have no run at the paper's scale.
    """
    found = on_tasks(found)
    large = [pair for pair in found if pair.at_paper_scale]
    told = [
        f"at the paper's scale {_against(large, good, bad)}" if large else f"untested by us at its scale: {otherwise}"
    ]
    small: dict[str, list[Pair]] = {}
    for pair in found:
        if not pair.at_paper_scale:
            small.setdefault(pair.scale, []).append(pair)
    return "; ".join(told + [f"with {scale} {_against(group, good, bad)}" for scale, group in small.items()])


def reached(
    studies: list[Study], model: str, task: str, target: float, kind: str = "ina"
) -> tuple[str, list[Evidence]]:
    """Whether our runs of InA, or of methods of another kind, reach a published score (in points): the state, blank
    without runs, and the evidence."""
    shown, within = [], []
    for study in studies:
        for cell in study.cells.values():
            if (cell.model, cell.task) == (model, task) and cell.first.config["method"]["kind"] == kind:
                for rule in RULES:
                    found = summarise(study, cell, rule)
                    interval = f"[{points(found.interval.low)}, {points(found.interval.high)}]"
                    text = f"{study.method_label(cell.method)}, {rule} epoch: {points(found.mean)} {interval}"
                    shown.append(("ours", where(study, model), f"{text}, n = {found.seeds}"))
                    within.append(100 * found.interval.high >= target)
    return f"within reach of {sum(within)} of our {len(within)} intervals" if shown else "", shown


def _against(group: list[Pair], good: set[str], bad: set[str]) -> str:
    """The state against each kind of second method."""
    names = {"lora": "LoRA", "full": "full fine-tuning", "ina": "plain InA"}
    kinds = dict.fromkeys(pair.kinds[1] for pair in group)
    return ", ".join(
        f"{_word([p for p in group if p.kinds[1] == kind], good, bad)} against {names[kind]}" for kind in kinds
    )


def _word(group: list[Pair], good: set[str], bad: set[str]) -> str:
    """Supported if all tasks are good, contradicted if some are bad and none is good; with the counts."""
    verdicts = [pair.verdict for pair in group]
    if set(verdicts) <= good:
        word = "supported"
    elif bad & set(verdicts):
        word = "mixed" if good & set(verdicts) else "contradicted"
    else:
        word = "undecided"
    return f"{word} ({', '.join(f'{verdicts.count(kind)} {kind}' for kind in VERDICTS if kind in verdicts)})"


def _difference(pair: Pair) -> str:
    best, last = (signed(one.compared.difference.value) for one in (pair.best, pair.last))
    name = task_label(pair.task) if pair.task else f"over {pair.best.compared.tasks} tasks"
    failed = pair.best.compared.degenerate or pair.last.compared.degenerate
    return f"{name} {best} / {last}{' (all runs degenerate)' if failed else ''}"
