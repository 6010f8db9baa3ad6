"""What our runs say about the paper's claims: the parts of results/CLAIMS.md between markers.

People write the claims, what others published and what would settle each. Every part between `<!-- claim: NAME -->` and
`<!-- /claim -->` is one of :func:`parts`, made of verdicts and measurements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pandas as pd

from .ablation import is_ablation, ordered, varied
from .distractors import GROWTH, WORDS, advantages, levels
from .frame import GLUE, SELECTIONS, Study
from .mechanism import (
    ALL,
    ELSEWHERE,
    at_sites,
    attention,
    difference_between,
    difference_to,
    measured_methods,
    over_seeds,
    with_interval,
)
from .outcomes import summarise
from .published import MODELS
from .table import interval, points, signed
from .verdicts import MEAN, verdicts

VERDICTS = ("better", "equivalent", "worse", "undecided", "depends on the rate")
NO_WORSE = {"better", "equivalent"}
NOTHING = "No runs of ours."
_NAMES = {"lora": "LoRA", "full": "full fine-tuning", "ina": "plain InA"}

Line = tuple[str, str]  # of which runs, what they show


def parts(studies: list[Study]) -> dict[str, Callable[[], str]]:
    """Every part of the document by name, as a function that gives its text."""
    every = verdict_pairs(studies)
    # of methods as they are meant to be used, on the tasks as they are
    whole = [study.name for study in studies if not is_ablation(study) and not levels(study)]
    adapters = every[every["study"].isin(whole) & (every["kind_a"] == "ina") & every["kind_b"].isin(["lora", "full"])]
    glue = adapters[adapters["in_glue"]]
    squad_v1, squad_v2, swag = (adapters[adapters["task"] == task] for task in ("squad_v1", "squad_v2", "swag"))
    activations = every[every["only_activation"]]
    plain = {"worse", "equivalent"}
    return {
        "weights": lambda: lines(weights(studies)),
        "glue": lambda: lines(evidence(glue)),
        "glue state": lambda: state(glue, NO_WORSE, {"worse"}),
        "cola of BERT-large": lambda: lines(scores_of(studies, "bert_large", "cola")),
        "squad_v1 of BERT-large": lambda: lines(scores_of(studies, "bert_large", "squad_v1")),
        "squad_v1": lambda: lines(evidence(squad_v1)),
        "squad_v1 state": lambda: state(squad_v1, NO_WORSE, {"worse"}),
        "squad_v2": lambda: lines(evidence(squad_v2)),
        "squad_v2 state": lambda: state(squad_v2, {"better"}, plain),
        "activations": lambda: lines([*arms(studies), *evidence(activations), *tails(studies)]),
        "activations state": lambda: state(activations, {"worse"}, {"better"}),
        "distractors": lambda: lines([*growth(studies), *attention_shares(studies)]),
        "distractors state": lambda: "; ".join([*growth_state(studies), *attention_state(studies)]) or NOTHING,
        "no gain": lambda: no_gain(adapters),
        "swag": lambda: lines(evidence(swag)),
        "swag state": lambda: state(swag, {"better"}, plain),
    }


def lines(found) -> str:
    """A table of evidence, or a sentence where there is none."""
    rows = "\n".join(f"| {on} | {text} |" for on, text in found)
    return f"| Our runs | What they show |\n|---|---|\n{rows}\n" if rows else f"{NOTHING}\n"


def of_runs(study: Study, model: str) -> str:
    """Model, experiment and data of our evidence."""
    return f"{study.label(model=model)}, {study.experiment}, data source {study.source}"


def verdict_pairs(studies: list[Study]) -> pd.DataFrame:
    """Verdicts on every pair of methods of every study, on each task and in the mean: one row, both selections.

    `verdict` is that of both selections where they agree, else "undecided". `scale` is the model, and whether the data
    are real. `weight` orders comparisons of the same methods: training examples, seeds, time.
    """
    rows = []
    for study in studies:
        found = verdicts(study)
        if not len(found):
            continue
        best, last = (found[found["selection"] == selection].to_dict("records") for selection in SELECTIONS)
        for one, other in zip(best, last, strict=True):
            model, task = one["model"], one["task"]
            a, b = study.settings(model, one["a"]), study.settings(model, one["b"])
            runs = study.runs[(study.runs["model"] == model) & (study.runs["method"] == one["a"])]
            runs = runs[(runs["task"] == task) | (task == MEAN)]
            name = f"over {one['tasks']} tasks" if task == MEAN else study.label(task=task)
            failed = " (all runs degenerate)" if one["degenerate"] or other["degenerate"] else ""
            generated = study.source == "probe"
            rows.append(
                {
                    "study": study.name,
                    "source": study.source,
                    "on": of_runs(study, model),
                    "model": model,
                    "a": one["a"],
                    "b": one["b"],
                    "task": task,
                    "pair": study.pair_label(model, one["a"], one["b"]),
                    "kind_a": a["kind"],
                    "kind_b": b["kind"],
                    "only_activation": {key for key in a.keys() | b.keys() if a.get(key) != b.get(key)}
                    == {"activation"} and a["activation"] not in ("gelu", "leaky_relu"),
                    "in_glue": set(study.tasks) <= {*GLUE, "wnli"},
                    "verdict": one["verdict"] if one["verdict"] == other["verdict"] else "undecided",
                    "name": other["name"] if one["verdict"] == other["verdict"] else "undecided",
                    "difference": f"{name} {signed(one['difference'])} / {signed(other['difference'])}{failed}",
                    "scale": study.label(model=model) + " on generated data" * generated,
                    "at_paper_scale": model in MODELS and not generated,
                    "weight": (runs["train_rows"].iloc[0], len(runs), runs["finished"].max()),
                }
            )  # fmt: skip
    columns = ["study", "task", "kind_a", "kind_b", "only_activation", "in_glue"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns).astype({c: bool for c in columns[-2:]})


def _in_order(names: Iterable[str]) -> list[str]:
    """The names of verdicts, each once, the decided ones first."""
    return sorted(set(names), key=lambda name: (VERDICTS.index(name.removesuffix(" at these rates")), name))


def counted(found: pd.DataFrame) -> pd.DataFrame:
    """The verdicts on single tasks that count: of those on the same methods of a model on a task, the weightiest."""
    found = found[found["task"] != MEAN]
    if not len(found):
        return found
    ranked = found.loc[sorted(found.index, key=lambda row: found.loc[row, "weight"], reverse=True)]
    return ranked.drop_duplicates(["model", "source", "task", "a", "b"]).sort_index()


def evidence(found: pd.DataFrame) -> Iterator[Line]:
    """One line for each study, model and pair of methods: the verdicts with the differences, best / last epoch."""
    if not len(found):
        return
    for (on, pair), group in found.groupby(["on", "pair"], sort=False):
        texts = []
        for name in _in_order(group["name"]):
            of = group.loc[(group["name"] == name) & (group["task"] != MEAN), "difference"]
            texts += [f"{name} on {', '.join(of)}"] * bool(len(of))
        means = group[group["task"] == MEAN]
        texts += [f"mean {one.difference}: {one.name}" for one in means.itertuples()]
        yield on, f"{pair}, best / last epoch: {'; '.join(texts)}"


def state(found: pd.DataFrame, good: set[str], bad: set[str]) -> str:
    """The state of a claim that holds where verdicts are `good` and not where they are `bad`, at every scale.

    Supported if all tasks are good, contradicted if some are bad and none is good; against each kind of second method.
    """
    found = counted(found)
    if not len(found):
        return "untested by us at its scale"
    texts = []
    for scale, group in found[~found["at_paper_scale"].astype(bool)].groupby("scale", sort=False):
        texts.append(f"with {scale} {_against(group, good, bad)}")
    large = found[found["at_paper_scale"].astype(bool)]
    first = f"at the paper's scale {_against(large, good, bad)}" if len(large) else "untested by us at its scale"
    return "; ".join([first, *texts])


def _against(found: pd.DataFrame, good: set[str], bad: set[str]) -> str:
    texts = []
    for kind, group in found.groupby("kind_b", sort=False):
        of, names = list(group["verdict"]), list(group["name"])
        if set(of) <= good:
            word = "supported"
        elif bad & set(of):
            word = "mixed" if good & set(of) else "contradicted"
        else:
            word = "undecided"
        counts = ", ".join(f"{names.count(name)} {name}" for name in _in_order(names))
        texts.append(f"{word} ({counts}) against {_NAMES[kind]}")
    return ", ".join(texts)


def no_gain(found: pd.DataFrame) -> str:
    """On how many of our comparisons on single tasks InA is worse or equivalent."""
    found = counted(found[found["task"] != "swag"])
    count = found["verdict"].isin(["worse", "equivalent"]).sum() if len(found) else 0
    return f"{count} of our {len(found)} comparisons on single tasks show it"


def weights(studies: list[Study]) -> Iterator[Line]:
    """One line for each study and model with full fine-tuning, LoRA and InA: their numbers of weights."""
    for study in studies:
        cells = study.cells[study.cells.index.get_level_values("task") == study.tasks[0]]
        for model in study.models:
            here = cells[cells.index.get_level_values("model") == model]
            params = here.drop_duplicates("method.name").set_index("method.name")
            if {"ina", "lora", "full"} <= set(params.index):
                ina, lora, full = (params.loc[name] for name in ("ina", "lora", "full"))
                text = f"InA's adapter has {ina['adapter']:,} weights, LoRA's {lora['adapter']:,}; with its head InA"
                share = full["trainable"] / ina["trainable"]
                yield of_runs(study, model), f"{text} trains one weight for {share:,.0f} that full fine-tuning trains"


def scores_of(studies: list[Study], model: str, task: str) -> Iterator[Line]:
    """The scores of InA and of the precursor's gate with a model, with 95 % intervals."""
    for study in studies:
        for key in study.keys(model, task):
            if study.settings(model, key[2])["kind"] in ("ina", "gate"):
                for selection in SELECTIONS:
                    found = summarise(study, key, selection)
                    ends = interval(100 * found.interval.low, 100 * found.interval.high)
                    label = study.label(model=model, method=key[2])
                    text = f"{label}, {selection} epoch: {points(100 * found.mean)} {ends}, n = {found.seeds}"
                    yield of_runs(study, model), text


def arms(studies: list[Study]) -> Iterator[Line]:
    """One line for each ablation of the activation, model and task: the mean score of each arm, and what collapsed."""
    for study in studies:
        if not is_ablation(study) or "activation" not in varied(study):
            continue
        for model, task in study.panels:
            keys = ordered(study, model, task)
            means = [
                f"{study.label(model=model, method=key[2])} {points(100 * summarise(study, key, 'best').mean)}"
                for key in keys
            ]
            failed = np.concatenate([study.degenerate(key, "last") for key in keys])
            text = f"{study.label(task=task)}, means of best epochs: {', '.join(means)}"
            yield of_runs(study, model), f"{text}; {failed.sum()} of {len(failed)} runs are degenerate"


def _measured(studies: list[Study]) -> Iterator[tuple[Study, str, list[str]]]:
    """Studies and models that somebody has looked into, and their methods of InA."""
    for study in studies:
        inas = measured_methods(study, "ina")
        for model in dict.fromkeys(model for model, _ in inas):
            yield study, model, [method for of, method in inas if of == model]


def tails(studies: list[Study]) -> Iterator[Line]:
    """How much of the components is inhibited, and how much of what the gate passes on comes through f's tail."""
    for study, model, inas in _measured(studies):
        found = over_seeds(at_sites(study).query("kind == @ALL"), "measure").loc[model].droplevel("task")
        texts = [
            f"{study.label(model=model, method=method)}: {with_interval(found.loc[method, 'inhibited'], points)} % of "
            f"the components are inhibited, and {with_interval(found.loc[method, 'tail'], points)} % of the gated "
            "signal's squared norm comes from them"
            for method in inas
        ]
        yield of_runs(study, model), "; ".join(texts)


def growth(studies: list[Study]) -> Iterator[Line]:
    """One line for each advantage of InA: with each number of distractors, and whether it grows with them."""
    for study in filter(levels, studies):
        found = advantages(study)
        for (model, _, a, b), group in found.groupby(["model", "task", "a", "b"], sort=False) if len(found) else ():
            *by_level, last = group.to_dict("records")
            listed = ", ".join(f"{signed(one['value'])} with {one['distractors']}" for one in by_level)
            ends = interval(last["simultaneous_low"], last["simultaneous_high"], signed)
            text = f"{study.pair_label(model, a, b)}, F1 by number of distractors: {listed}"
            yield of_runs(study, model), f"{text}; growth {signed(last['value'])} {ends}: {WORDS[last['verdict']]}"


def growth_state(studies: list[Study]) -> list[str]:
    """At how many levels of inhibition InA's advantage grows with the number of distractors, and whether the activation
    alone, at inhibition 0, has one that grows."""
    rows = []
    for study in filter(levels, studies):
        found = advantages(study)
        for one in found[found["distractors"] == GROWTH].to_dict("records") if len(found) else ():
            runs = study.runs[(study.runs["model"] == one["model"]) & (study.runs["method"] == one["a"])]
            inhibits = bool(study.settings(one["model"], one["a"])["inhibition"])
            weight = (runs["train_rows"].iloc[0], len(runs), runs["finished"].max())
            rows.append(one | {"source": study.source, "weight": weight, "inhibits": inhibits,
                               "on": f"in {study.label(model=one['model'])} on generated data",
                               "base": study.label(model=one["model"], method=one["b"])})  # fmt: skip
    texts = []
    found = counted(pd.DataFrame(rows)) if rows else pd.DataFrame()
    groups = dict(list(found.groupby(["on", "base", "inhibits"]))) if rows else {}
    for (on, base, inhibits), group in sorted(groups.items(), reverse=True):
        of = list(group["verdict"])
        texts.append(
            f"{on}, InA's advantage over {base} grows with the number of distractors at {of.count('better')} of "
            f"{len(of)} levels of inhibition ({of.count('undecided')} undecided, {of.count('depends on the rate')} "
            "depending on the rate)"
            if inhibits
            else f"{on}, the advantage over {base} of InA without inhibition, which is its activation alone: "
            f"{WORDS[of[0]]}"
        )
    return texts


def _bases(study: Study, model: str, inas: list[str]) -> list[str]:
    """What InA is compared with: LoRA, and InA without inhibition, which has the activation but no threshold."""
    loras = [method for of, method in measured_methods(study, "lora") if of == model]
    return [*loras[:1], *(method for method in inas if not study.settings(model, method)["inhibition"])]


def _against_base(study: Study, model: str, inas: list[str], base: str) -> dict[str, pd.DataFrame]:
    """Differences in attention to `base`, a row a method of InA, for answers and for distractors."""
    found = difference_to(attention(study).query("by == @ALL"), base, "to").loc[model].droplevel("task")
    return {
        name: found.xs(to, level="to").loc[[method for method in inas if method != base]]
        for to, name in (("answer", "the answer"), ("distractor", "distractors"))
    }


def attention_shares(studies: list[Study]) -> Iterator[Line]:
    """Attention against LoRA's, the gate at answers and distractors, negative maxima, merged pictures."""
    for study, model, inas in _measured(studies):
        frame, on = at_sites(study), of_runs(study, model)
        label = {method: study.label(model=model, method=method) for _, method in study.methods}
        for base in _bases(study, model, inas):
            for to, of in _against_base(study, model, inas, base).items():
                texts = [f"{label[method]} {with_interval(row, signed)}" for method, row in of.iterrows()]
                less = f"less that of {label[base]}, in points, paired by seed"
                yield on, f"share of attention on {to} {less}: {', '.join(texts)}"
        for measure, what in (("inhibited", "share of components inhibited"), ("passed", "share of norm passed on")):
            apart = difference_between(frame[frame["measure"] == measure], "kind", "answer", "distractor").loc[model]
            texts = [f"{label[method]} {with_interval(row, signed)}" for (_, method), row in apart.iterrows()]
            yield on, f"{what} at answers less that at distractors, in points: {', '.join(texts)}"
        found = over_seeds(frame[frame["kind"] == ALL], "measure").loc[model].droplevel("task")
        texts = []
        for method in (method for method in inas if study.settings(model, method)["inhibition"]):
            rare = with_interval(found.loc[method, "negative_peak"], lambda value: points(value, 3))
            raised = (f", where the gate passes on {with_interval(found.loc[method, 'raised'], points)} % of what it "
                      "would without threshold") if (method, "raised") in found.index else ""  # fmt: skip
            texts.append(f"{label[method]}: at {rare} % of tokens and sites{raised}")
        yield on, f"the largest component is negative, so that the threshold raises all; {'; '.join(texts)}"
        moved = over_seeds(attention(study).query("to == @ELSEWHERE"), "to").loc[model].droplevel("task")
        texts = [f"{label[method]} {with_interval(moved.loc[method, ELSEWHERE], points)} %" for method in inas]
        yield on, f"attention that goes to other tokens once the linear part is merged: {', '.join(texts)}"


def attention_state(studies: list[Study]) -> Iterator[str]:
    """At how many levels of inhibition attention differs from that of others, and which way."""
    for study, model, inas in _measured(studies):
        texts = []
        for base in _bases(study, model, inas):
            answer, distractors = _against_base(study, model, inas, base).values()
            texts.append(
                f"against {study.label(model=model, method=base)}, attention to the answer is above at "
                f"{(answer['low'] > 0).sum()} and below at {(answer['high'] < 0).sum()} of {len(answer)} levels of "
                f"inhibition, to distractors below at {(distractors['high'] < 0).sum()} and above at "
                f"{(distractors['low'] > 0).sum()}"
            )
        if not texts:
            continue
        data = " on generated data" if study.source == "probe" else ""
        ending = "95 % intervals over seeds, not corrected for their number"
        yield f"in {study.label(model=model)}{data}, {', and '.join(texts)} ({ending})"
