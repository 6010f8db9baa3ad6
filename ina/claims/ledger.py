"""The eight claims of the paper: evidence, state, and what would settle each."""

from __future__ import annotations

from dataclasses import dataclass

from ..tables.ablation import is_ablation
from ..tables.collect import GLUE, Study, task_label
from ..tables.distractors import levels
from . import mechanism, others, ours
from .others import LEVELS, Numbers
from .ours import Evidence, Pair

_KEY_TASKS = ("cola", "sst2", "mrpc")  # those the paper points out
_NO_WORSE = {"better", "equivalent"}
_NOT_RUN = "the precursor's curves are all there is"

_HEAD = """# The paper's claims, one by one

Written by `python -m ina.claims`. Evidence is of three kinds: **published** (the paper, or what its authors drew and
tabled), **released** (their raw result files) and **ours** (records in `runs/`, measurements inside the models in
`analysis/`). Sources and their status: `published/README.md`. Scores are in points.

A verdict on our runs follows the rules of `ina/stats/verdict.py`: better, worse, equivalent within a margin, or
undecided. A verdict that changes when a method is run at a neighbouring learning rate depends on the rate. A verdict
counts only where the best and the last epoch agree. Where several experiments compare the same methods of a model on
the same task, all are shown. The one with the most training examples counts, then the one with the most seeds, then the
latest. A single run decides nothing under these rules, so published and released numbers are an indication only.
Runs on a small model speak about that model; they neither confirm nor contradict a claim about large ones. Our
differences are those of the headline metric of a task, F1 for SQuAD.
"""


@dataclass(frozen=True)
class Claim:
    """A claim of the paper."""

    text: str
    evidence: list[Evidence]
    state: str
    settle: str


def ledger(studies: list[Study]) -> str:
    """The text of CLAIMS.md."""
    numbers, every = Numbers(), ours.pairs(studies)
    # of methods as they are meant to be used, on the tasks as they are
    pairs = [pair for pair in every if not is_ablation(pair.study) and not levels(pair.study)]
    claims = [
        _weights(numbers, studies),
        _glue(numbers, pairs),
        _cola(numbers, studies),
        _squad_v1(numbers, studies, pairs),
        _squad_v2(numbers, pairs),
        _activations(numbers, studies, every),
        _irrelevant(studies),
        _no_gain(numbers, pairs),
    ]
    summary = ["| # | Claim | State |", "|---|---|---|"]
    summary += [f"| {number} | {claim.text} | {claim.state} |" for number, claim in enumerate(claims, 1)]
    sections = [_section(number, claim) for number, claim in enumerate(claims, 1)]
    ending = [others.figures_themselves(numbers), mechanism.EQUATION]
    return "\n".join([_HEAD, "\n".join(summary) + "\n", *sections, *ending])


def _section(number: int, claim: Claim) -> str:
    rows = "\n".join(f"| {kind} | {on} | {text} |" for kind, on, text in claim.evidence)
    return (
        f"## {number}. {claim.text}\n\n| Evidence | On | What it shows |\n|---|---|---|\n{rows}\n\n"
        f"**State**: {claim.state}.\n\n**Would settle it**: {claim.settle}.\n"
    )


def _weights(numbers: Numbers, studies: list[Study]) -> Claim:
    released = numbers.where("squad", beside="released").groupby("method")["params"].unique()
    counts = {method: {int(count) for count in found} for method, found in released.items()}
    holds = [counts["ina_released"] == counts["lora"]]
    trained = ", ".join(f"{count:,}" for count in sorted(counts["ina_released"]))
    text = f"InA trains {trained} weights, LoRA {', '.join(f'{count:,}' for count in sorted(counts['lora']))}"
    evidence = [("released", "BERT-large and RoBERTa-large, SQuAD v2.0", text)]
    for study in studies:
        for model in dict.fromkeys(model for model, _ in study.methods):
            cells = [cell.first for cell in study.cells.values() if cell.model == model and cell.task == study.tasks[0]]
            params = {run.config["method"]["name"]: run.params for run in reversed(cells)}
            if {"ina", "lora", "full"} <= params.keys():
                ina, lora, full = (params[name] for name in ("ina", "lora", "full"))
                holds.append(ina.adapter <= lora.adapter and 100 * ina.trainable <= full.trainable)
                text = (
                    f"InA's adapter has {ina.adapter:,} weights, LoRA's {lora.adapter:,}; with its head InA trains one "
                    f"weight for {full.trainable / ina.trainable:,.0f} that full fine-tuning trains"
                )
                evidence.append(("ours", ours.where(study, model), text))
    return Claim(
        "Fewer tunable weights than full fine-tuning by orders of magnitude, no more than LoRA's",
        evidence,
        "supported" if all(holds) else "not supported by all of the evidence",
        "nothing more; at equal rank and sites both have the same factors, and the gate has no weights",
    )


def _glue(numbers: Numbers, pairs: list[Pair]) -> Claim:
    evidence = []
    for level in LEVELS[1:]:
        differences = numbers.released_differences(level)
        key = ", ".join(f"{task_label(task)} {others.points(differences[task])}" for task in _KEY_TASKS)
        text = f"InA (Inh {float(level):g}) less LoRA: {others.ahead(differences)}; {key}"
        evidence.append(("released", "BERT-large cased, one run each, last epoch", text))
    text = (
        f"mean over 8 tasks of best epochs: full fine-tuning {numbers.average('full', '', max):.2f}, gate at 0.3 "
        f"{numbers.average('gate', '0.3', max):.2f}; a gate of full rank that trains all weights, not InA"
    )
    evidence.append(("published", "BERT-large, precursor, one curve each", text))
    found = [pair for pair in _ina(pairs) if set(pair.study.tasks) <= {*GLUE, "wnli"}]
    behind = [level for level in LEVELS[1:] if sum(numbers.released_differences(level).values()) < 0]
    otherwise = (
        f"in the authors' released single runs InA is behind LoRA in the mean over tasks at {len(behind)} of "
        f"{len(LEVELS) - 1} levels of inhibition"
    )
    return Claim(
        "Competitive with or better than full fine-tuning and LoRA on GLUE, notably CoLA, SST-2, MRPC (Table 3)",
        [*evidence, *ours.evidence(found)],
        ours.state(found, _NO_WORSE, {"worse"}, otherwise),
        "`experiment=glue_paper` with five seeds or more; the tables of verdicts say how many for each task",
    )


def _cola(numbers: Numbers, studies: list[Study]) -> Claim:
    target = numbers.one("glue", task="cola", model="bert_large", method="ina", beside="published")
    gelu = numbers.one("activation_ablation", task="cola", activation="gelu")
    precursor = numbers.curve("cola", "gate", "0.3").max()
    low_rank = numbers.released("glue", "cola", "mcc")
    levels = ", ".join(f"{low_rank[level]:.2f} at {float(level):g}" for level in LEVELS)
    best = max(low_rank[level] for level in LEVELS[1:])
    found, shown = ours.reached(studies, "bert_large", "cola", target)
    return Claim(
        f"BERT-large + InA reaches MCC {target} on CoLA",
        [
            ("published", "BERT-large", f"{target} (quoted by a digest), {gelu} in the ablation table"),
            ("published", "BERT-large, precursor", f"{precursor:.1f} is its best of 5 epochs at inhibition 0.3"),
            ("released", "BERT-large cased, one run each, last epoch", f"{levels}; inhibition 0 is plain LoRA"),
            *shown,
            *ours.reached(studies, "bert_large", "cola", target, kind="gate")[1],
        ],
        found
        or f"untested by us at its scale: the authors' released low-rank runs reach {best:.2f} at best, "
        f"{target - best:.1f} less",
        "`experiment=glue_paper model=bert_large task=cola`, five seeds, best and last epoch, cased and uncased; "
        "whether the number is the precursor's, `experiment=precursor_paper task=cola`",
    )


def _squad_v1(numbers: Numbers, studies: list[Study], pairs: list[Pair]) -> Claim:
    where = {"task": "squad_v1", "model": "bert_large", "beside": "published"}
    f1, exact = (numbers.one("squad", metric=metric, method="ina", **where) for metric in ("f1", "exact"))
    full = [numbers.one("squad", metric=metric, method="full", **where) for metric in ("f1", "exact")]
    chosen = [pair for pair in _ina(pairs) if pair.task == "squad_v1"]
    found, shown = ours.reached(studies, "bert_large", "squad_v1", f1)
    otherwise = "the F1 is that of the precursor's best epochs at inhibition 0 and 0.9, the EM is corroborated nowhere"
    return Claim(
        f"BERT-large + InA reaches F1/EM {f1}/{exact} on SQuAD v1.1, a little above the usual methods",
        [
            ("published", "BERT-large", f"F1/EM {f1}/{exact} (quoted by a digest)"),
            ("published", "BERT-large", f"full fine-tuning F1/EM {full[0]}/{full[1]}"),
            ("published", "BERT-large, precursor, one curve each", f"F1, {numbers.best_of_curves('squad_v1')}"),
            *shown,
            *ours.evidence(chosen),
        ],
        "; ".join(filter(None, [found, ours.state(chosen, _NO_WORSE, {"worse"}, otherwise)])),
        "`experiment=squad_paper model=bert_large task=squad_v1`, three seeds or more",
    )


def _squad_v2(numbers: Numbers, pairs: list[Pair]) -> Claim:
    evidence, ahead = [], {}
    for metric, name in (("best_f1", "best"), ("f1", "fixed")):
        scores = numbers.released("squad", "squad_v2", metric, "roberta_large")
        differences = {level: scores[level] - scores["0.0"] for level in LEVELS[1:]}
        ahead[name] = sum(difference > 0 for difference in differences.values())
        told = ", ".join(f"{others.points(of)} at {float(level):g}" for level, of in differences.items())
        text = f"F1 at the {name} threshold: LoRA {scores['0.0']:.2f}; InA less LoRA {told}"
        evidence.append(("released", "RoBERTa-large, 4-bit, one run each, last epoch", text))
    where = {"task": "squad_v2", "model": "roberta_large", "method": "full", "beside": "published"}
    full = [numbers.one("squad", metric=metric, **where) for metric in ("f1", "exact")]
    evidence.append(("published", "RoBERTa-large", f"full fine-tuning F1/EM {full[0]}/{full[1]}"))
    chosen = [pair for pair in _ina(pairs) if pair.task == "squad_v2"]
    otherwise = (
        f"of the authors' three released single runs {ahead['best']} are ahead of LoRA at the best threshold and "
        f"{ahead['fixed']} at the fixed one"
    )
    return Claim(
        "RoBERTa-large + InA clearly improves F1/EM on SQuAD v2.0",
        [*evidence, *ours.evidence(chosen)],
        ours.state(chosen, {"better"}, {"worse", "equivalent"}, otherwise),
        "`experiment=squad_paper model=roberta_large task=squad_v2`, three seeds or more, with sliding windows and "
        "without quantisation",
    )


def _activations(numbers: Numbers, studies: list[Study], pairs: list[Pair]) -> Claim:
    table = numbers.tables["activation_ablation"]
    averages = table[table["task"] != "glue"].groupby("activation", sort=False)["value"].mean()
    failed = numbers.collapsed().groupby("activation").size()
    trained = averages.drop(failed.index)
    on = "BERT-large, inhibition 0.3"
    collapsed = ", ".join(f"{count} of {len(GLUE)} for {name}" for name, count in failed.items())
    within = f"{trained.max() - trained.min():.1f} of each other"
    found = [pair for pair in pairs if pair.changed == {"activation"} and pair.activation not in ("gelu", "leaky_relu")]
    return Claim(
        "GELU and LeakyReLU are the best f, because of their short negative tail",
        [
            ("published", on, "means over 8 tasks: " + ", ".join(f"{name} {of:.1f}" for name, of in averages.items())),
            ("published", on, f"majority-class scores, from runs that did not train: {collapsed}"),
            ("published", on, f"those that train everywhere ({', '.join(trained.index)}) are within {within}"),
            *ours.evidence_on_activations(studies),
            *ours.evidence(found),
            *mechanism.evidence_on_tail(studies),
        ],
        ours.state(
            found,
            {"worse"},
            {"better"},
            f"the published table sets apart activations whose runs collapsed; the others are within {within}",
        ),
        "the five activations and the identity at equal settings, five seeds, a learning rate at which all of them "
        "train",
    )


def _irrelevant(studies: list[Study]) -> Claim:
    text = (
        "no evidence on InA: the released code merges the adapter before it draws them, and what is merged is the "
        "linear part, without the gate"
    )
    untested = "untested by us at its scale: nothing published or released tests it"
    found = [mechanism.state_of_growth(studies), mechanism.state_of_attention(studies)]
    return Claim(
        "Inhibition suppresses irrelevant information, so that attention concentrates on what matters",
        [
            ("released", "attention heat maps", text),
            *mechanism.evidence_on_growth(studies),
            *mechanism.evidence_on_attention(studies),
        ],
        "; ".join(filter(None, [untested, *found])),
        "accuracy against the number of distractors in the text, InA against LoRA, and attention on the relevant words "
        "with the gate in place, both with several seeds and large models",
    )


def _no_gain(numbers: Numbers, pairs: list[Pair]) -> Claim:
    behind = [task for task, difference in numbers.released_differences("0.1").items() if difference <= 0]
    found = [pair for pair in ours.on_tasks(_ina(pairs)) if pair.task != "swag"]
    swag = [pair for pair in _ina(pairs) if pair.task == "swag"]
    no_gain = [pair for pair in found if pair.verdict in ("worse", "equivalent")]
    state = f"the released single runs point that way on {len(behind)} of {len(GLUE)} GLUE tasks; "
    state += f"{len(no_gain)} of our {len(found)} comparisons on single tasks show it" if found else "untested by us"
    return Claim(
        "On some tasks InA shows no significant gain; multiple choice (SWAG) is worth a look",
        [
            (
                "released",
                "BERT-large cased, one run each, last epoch",
                f"InA (Inh 0.1) is not ahead of LoRA on {len(behind)} of {len(GLUE)} tasks",
            ),
            ("published", "BERT-large, precursor, SWAG, one curve each", numbers.best_of_curves("swag")),
            ("ours", "see claims 2, 4 and 5", f"{len(found)} comparisons, {len(no_gain)} worse or equivalent"),
            *ours.evidence(swag),
        ],
        f"{state}; SWAG: {ours.state(swag, {'better'}, {'worse', 'equivalent'}, _NOT_RUN)}",
        "the runs of claim 2 for the first half, `experiment=swag_paper` for the second",
    )


def _ina(pairs: list[Pair]) -> list[Pair]:
    """InA against LoRA and full fine-tuning."""
    return [pair for pair in pairs if pair.kinds[0] == "ina" and pair.kinds[1] in ("lora", "full")]
