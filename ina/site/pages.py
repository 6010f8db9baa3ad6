"""The pages of results, as Markdown with tables and charts in HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd

from .. import record
from ..figures.style import method_styles, style_of
from ..tables.distractors import GROWTH, trained
from ..tables.frame import GLUE, SQUAD, Study, studies
from ..tables.published import COLUMNS, HEADLINES, beside
from ..tables.scores import average, warnings
from ..tables.table import DASH, interval, millions, points, spread
from ..tables.verdicts import MEAN
from . import charts
from .errors import error_files

_WHOSE = {"published": "published", "released": "released runs"}
_TEXT = {"Study", "Data", "Model", "Method", "Methods", "Epoch", "Task", "Tasks", "Commit", "Record", "Trainable"}
_WIDE = "---\nsearch: {exclude: true}\nhide: [toc]\n---\n"  # tables need the room, and are no text to search


def site_files(results: Path) -> dict[str, str | Path]:
    """What the site has of a folder of results, by its place there: the text of a page or script, or a file to copy.

    Raises:
        FileNotFoundError: There is no record, or a study has records and no tables.
    """
    found = studies(results)
    found.sort(key=lambda study: (study.is_ablation, -len(study.records)))
    tables = {study.name: _read_tables(results, study) for study in found}
    judged = [study for study in found if "verdicts" in tables[study.name]]
    forests = {study.name: _verdict_chart(study, tables[study.name]["verdicts"]) for study in judged}
    files: dict[str, str | Path] = {
        "results/table3.md": _scores_page(found, tables, "Table 3: GLUE", "glue", [(t, HEADLINES[t]) for t in GLUE]),
        "results/table4.md": _scores_page(
            found, tables, "Table 4: SQuAD", "squad", [score for score in COLUMNS if score[0] in SQUAD]
        ),
        "results/verdicts.md": _verdicts_page(found, forests),
        "results/distractors.md": _distractors_page(found, tables),
        "results/ablations.md": _ablations_page(found, tables),
        "results/studies.md": _studies_page(found),
        "results/costs.md": _costs_page(results, found),
    }
    for study in found:
        files[f"results/studies/{study.name}.md"] = _study_page(study, tables[study.name], forests.get(study.name))
        for run in study.records:
            path = record.record_path("", run.experiment, run.source, run.id)
            files[f"results/{path.as_posix()}"] = results / path
        for path in (results / "tables" / study.name).glob("*.md"):
            files[f"results/tables/{study.name}/{path.name}"] = path
    return files | error_files(found)


def _read_tables(results: Path, study: Study) -> dict[str, pd.DataFrame]:
    """The committed tables of a study by name, with the columns of their CSV files."""
    folder = results / "tables" / study.name
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is missing: run python -m ina.tables --results {results}")
    return {path.stem: pd.read_csv(path) for path in sorted(folder.glob("*.csv"))}


def html_table(rows: list[dict[str, str]], filters: Iterable[str]) -> str:
    """A table that docs/assets/tables.js sorts, and filters by the columns named; cells are HTML."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    kinds = ["" if column in _TEXT else ' class="number"' for column in columns]
    head = "".join(f"<th{kind}>{escape(column)}</th>" for column, kind in zip(columns, kinds, strict=True))
    body = "\n".join(
        "<tr>" + "".join(f"<td{k}>{row.get(c, DASH)}</td>" for c, k in zip(columns, kinds, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="ina-table" data-filters="{escape("|".join(filters))}"><table class="ina">\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _scores_page(
    found: list[Study],
    tables: dict[str, dict[str, pd.DataFrame]],
    title: str,
    source: str,
    scores: list[tuple[str, str]],
) -> str:
    """Our scores of all studies of a kind of task, and what others published and released."""
    tasks = {task for task, _ in scores}
    ours = [study for study in found if "scores" in tables[study.name] and tasks & set(study.tasks)]
    averaged = ours[0].averaged if ours and source == "glue" else ()
    average_of = f"Avg. of {len(averaged)}" if len(averaged) > 1 else None
    rows = [row for study in ours for row in _our_rows(study, tables[study.name]["scores"], scores)]
    if average_of:
        for row in rows:
            study, model, method, selection = row["of"]
            known = row["Method"] != "Majority class"
            row[average_of] = average(study, model, method, selection, averaged) if known else DASH
            row["Trainable"] = row.pop("Trainable", DASH)
    rows = [{key: value for key, value in row.items() if key != "of"} for row in rows]
    others, sources = beside(source, scores, averaged)
    heads = ["origin", "Model", "Method", "Trainable", "Epoch"]
    for (origin, model, method, trainable, epoch), group in others.groupby(heads, sort=False) if len(others) else ():
        row = {"Study": _WHOSE[origin], "Model": model, "Method": escape(method), "Epoch": epoch}
        row["Trainable"] = trainable
        for one in group.to_dict("records"):
            name = average_of if one["metric"] == "average" else COLUMNS[one["task"], one["metric"]]
            row[name] = escape(one["text"])
        rows.append(row)
    notes = "\n".join(f"- {escape(note)}" for note in sources)
    mean = f" {average_of}: mean over {', '.join(COLUMNS[t, HEADLINES[t]] for t in averaged)}." if average_of else ""
    return f"""{_WIDE}# {title}

Dev sets. Cells of ours are mean ± standard deviation over n seeds in points; pointing shows the 95 % interval of the
expected score, a click opens the runs. Epoch *best* is the one with the best headline score on the dev set, optimistic
for every method alike; *last* is the last one. †k: k of the runs predict the same for every example.{mean} Studies
differ in their training sets and data sources: compare methods within one. Click a column's head to sort.

{html_table(rows, ("Study", "Model", "Method", "Epoch"))}

‡: not read at its source. Where the numbers of others are from:

{notes}
"""


def _our_rows(study: Study, data: pd.DataFrame, scores: list[tuple[str, str]]) -> list[dict]:
    """A row for each model, method and selection; "of" says which."""
    data = data[data["origin"].isin(["ours", "baseline"])]
    rows = []
    for (model, method, selection), group in data.groupby(["model", "method", "selection"], sort=False, dropna=False):
        one = group.set_index(["task", "metric"])
        if not any(score in one.index for score in scores):
            continue
        known = method != "majority"
        name = study.label(model=model, method=method) if known else "Majority class"
        row = {
            "of": (study, model, method, selection),
            "Study": f'<a href="studies/{study.name}.html">{study.experiment}</a>',
            "Model": study.label(model=model) if known else DASH,
            "Method": escape(name),
            "Epoch": selection if known else DASH,
            "n": "–".join(f"{n:g}" for n in sorted({group["n"].min(), group["n"].max()})) if known else DASH,
        }
        for score in scores:
            row[COLUMNS[score]] = _cell(study, name, one.loc[score], score[0]) if score in one.index else DASH
        rows.append(row | ({"Trainable": _trainable(group.iloc[0])} if known else {}))
    return rows


def _cell(study: Study, method: str, one: pd.Series, task: str) -> str:
    """A score of ours that leads to its runs."""
    text = spread(one["mean"], one["std"])
    if pd.isna(one["n"]):
        return text
    text += f" †{one['degenerate']:.0f}" if one["degenerate"] else ""
    place = f"Task={quote(study.label(task=task))}&Method={quote(method)}"
    known = "" if pd.isna(one["low"]) else f"95 % interval {interval(one['low'], one['high'])}, "
    told = f"{known}n = {one['n']:g}, {one['dev_rows']:,.0f} dev examples"
    return f'<a href="studies/{study.name}.html#{escape(place)}" title="{told}">{text}</a>'


def _trainable(one: pd.Series) -> str:
    weights = [one["adapter"], one["head"]] if one["adapter"] else [one["trainable"]]
    return " + ".join(millions(int(count)) for count in weights)


def _verdict_chart(study: Study, found: pd.DataFrame) -> str:
    """The forest plot of all verdicts of a study."""
    styles = method_styles(study)
    pair_label = {
        key: study.pair_label(*key) for key in dict.fromkeys(zip(found["model"], found["a"], found["b"], strict=True))
    }
    model_label = {model: f"{study.label(model=model)}: " for model in study.models} if len(study.models) > 1 else {}
    rows = []
    pairs = {
        pair: place for place, pair in enumerate(pair_label)
    }  # a pair has its mean in another family than its tasks
    order = [(one.selection == "best", pairs[one.model, one.a, one.b], one.task == MEAN) for one in found.itertuples()]
    for place in sorted(range(len(found)), key=order.__getitem__):
        one = found.iloc[place].to_dict()
        restricted = one["verdict"] in ("better", "worse", "equivalent") and one["holds_at_other_rates"] is not True
        mean = one["task"] == MEAN
        rows.append(
            {
                "heading": model_label.get(one["model"], "") + pair_label[one["model"], one["a"], one["b"]],
                "label": "mean" if mean else study.label(task=one["task"]),
                "value": one["difference"],
                "low": one["simultaneous_low"],
                "high": one["simultaneous_high"],
                "margin": one["margin"],
                "word": one["verdict"] + " at these rates" * restricted,
                "decided": one["verdict"] in ("better", "worse", "equivalent"),
                "seeds": _paired(study, one, study.averaged if mean else (one["task"],)),
                "colour": styles[one["a"]].colour,
                "selection": one["selection"],
                "family": one["family"],
                "n": f"{one['seeds']:g}",
                "p of a difference": _p(one["p_difference"]),
                "p of equivalence": _p(one["p_equivalence"]),
                "seeds that would decide": DASH if pd.isna(one["seeds_needed"]) else f"{one['seeds_needed']:g}",
            }
        )
    n = sorted(set(found["seeds"]))
    label = (
        f"{study.experiment}, data source {study.source}: n = {'–'.join(f'{k:g}' for k in {n[0]: 0, n[-1]: 0})} seeds"
    )
    return charts.intervals(rows, "difference in points, first method minus second", label)


def _paired(study: Study, one: dict, tasks: tuple[str, ...]) -> list[float]:
    """The differences of the seeds that both methods of a verdict have on all tasks."""
    keys = [[(one["model"], task, method) for task in tasks] for method in (one["a"], one["b"])]
    seeds = [study.seeds(key) for of in keys for key in of if key in study.cells]
    if len(set(seeds)) != 1 or len(seeds) != 2 * len(tasks):
        return []
    a, b = (np.mean([study.scores(key, one["selection"]) for key in of], axis=0) for of in keys)
    return [round(100 * value, 2) for value in a - b]


def _p(value: float) -> str:
    return DASH if pd.isna(value) else f"{value:.2g}"


def _verdicts_page(found: list[Study], forests: dict[str, str]) -> str:
    shown = "\n\n".join(
        f"## {study.experiment}, {study.source}\n\n{forests[study.name]}\n\n"
        f"[The table of these verdicts](tables/{study.name}/verdicts.md), [the runs](studies/{study.name}.md)"
        for study in found
        if study.name in forests
    )
    return f"""# Verdicts

Which method is better, of every pair that a study compares, by the rules of `ina/stats/verdict.py`;
[reading results](../reading-results.md) explains them. {charts.MARKS} Pointing at a row shows n, p-values
and what would decide.

{shown}
"""


def _distractors_page(found: list[Study], tables: dict[str, dict[str, pd.DataFrame]]) -> str:
    parts = []
    for study in found:
        if "distractors" not in tables[study.name]:
            continue
        for (model, _), data in tables[study.name]["distractors"].groupby(["model", "task"], sort=False):
            styles, alone = method_styles(study), data["b"].isna()
            label = {method: study.label(model=model, method=method) for method in styles}
            scores = [
                {"method": one["a"], "label": label[one["a"]], "level": int(one["distractors"])}
                | {name: round(one[name], 2) for name in ("value", "low", "high")}
                for one in data[alone].to_dict("records")
            ]
            gains = [
                {
                    "heading": f"{label[one['a']]} − {label[one['b']]}",
                    "label": one["distractors"],
                    "value": one["value"],
                    "low": one["simultaneous_low"] if one["distractors"] == GROWTH else one["low"],
                    "high": one["simultaneous_high"] if one["distractors"] == GROWTH else one["high"],
                    "colour": styles[one["a"]].colour,
                    "selection": "last",
                    "n": f"{one['seeds']:g}",
                    "decided": one["verdict"] in ("better", "worse", "equivalent"),
                }
                | ({"margin": one["margin"], "word": one["advantage"]} if one["distractors"] == GROWTH else {})
                for one in data[~alone].to_dict("records")
            ]
            parts.append(f"## {study.experiment}\n\n{charts.levels(study, scores, trained(study))}")
            if gains:
                title = "Difference of F1 by number of distractors, and its growth from few to many with the verdict"
                parts.append(charts.intervals(gains, "difference of F1 in points", title))
            parts.append(
                f"n = {data['seeds'].max():g} seeds, last epoch. [The table](tables/{study.name}/distractors.md), "
                f"[the runs](studies/{study.name}.md)"
            )
    return (
        "# Irrelevant facts\n\nQuestions on generated paragraphs with so many irrelevant facts (distractors). "
        "Intervals are 95 % intervals over seeds and questions; those of growth are simultaneous for their family.\n\n"
        + "\n\n".join(parts or ["No study has measured this."])
        + "\n"
    )


def _ablations_page(found: list[Study], tables: dict[str, dict[str, pd.DataFrame]]) -> str:
    parts = []
    for study in (one for one in found if one.is_ablation):
        data, panels = tables[study.name]["ablation"], study.panels
        data = data[data["origin"] == "ours"]
        rows = []
        for one in data.sort_values("selection", ascending=False, kind="stable").to_dict("records"):
            key = (one["model"], one["task"], one["method"])
            known = not pd.isna(one.get("verdict", np.nan))
            rows.append(
                {
                    "heading": study.label(task=one["task"]) if len(panels) > 1 else "",
                    "label": study.label(model=key[0], method=key[2]),
                    "value": one["mean"],
                    "low": one["low"],
                    "high": one["high"],
                    "seeds": [round(100 * score, 2) for score in study.scores(key, one["selection"])],
                    "word": one["verdict"] if known else "reference" if pd.isna(one.get("against", np.nan)) else "",
                    "decided": not known or one["verdict"].partition(" at ")[0] in ("better", "worse", "equivalent"),
                    "colour": style_of(study.settings(key[0], key[2])).colour,
                    "selection": one["selection"],
                    "n": f"{one['n']:g}",
                }
            )
        title = f"{study.experiment}: score in points; point: mean, line: 95 % interval, dots: seeds"
        parts.append(f"## {study.experiment.removeprefix('ablation_').capitalize()}\n\n")
        parts.append(charts.intervals(rows, f"{data['metric'].iloc[0]}, points", title, zero=False))
        parts.append(f"\n\n[The table](tables/{study.name}/ablation.md), [the runs](studies/{study.name}.md)\n\n")
    return (
        "# Ablations\n\nEach setting of InA by itself. The words at the right are the verdicts on the difference to "
        "the reference, the method as its file in `configs/` has it; hollow points are undecided.\n\n"
        + "".join(parts or ["No study has measured this.\n"])
    )


def _studies_page(found: list[Study]) -> str:
    rows = [
        {
            "Study": f'<a href="studies/{study.name}.html">{study.experiment}</a>',
            "Data": study.source,
            "Model": ", ".join(study.label(model=model) for model in study.models),
            "Tasks": ", ".join(study.label(task=task) for task in study.tasks),
            "Methods": ", ".join(escape(study.label(model=model, method=method)) for model, method in study.methods),
            "Seeds": f"{study.runs['seed'].nunique()}",
            "Runs": f"{len(study.records)}",
        }
        for study in found
    ]
    text = "Each study has its learning curves, verdicts and runs on a page."
    return f"{_WIDE}# Studies and runs\n\n{text}\n\n{html_table(rows, ('Data', 'Model'))}\n"


def _study_page(study: Study, tables: dict[str, pd.DataFrame], forest: str | None) -> str:
    runs = study.runs
    epochs = runs.groupby(["model", "task"])["train.epochs"].max()
    panels = [charts.curves(study, *panel) for panel in study.panels if epochs[panel] > 1]
    names = ", ".join(f"[{name}](../tables/{study.name}/{name}.md)" for name in tables)
    notes = "\n".join(f"- {escape(note)}" for note in warnings(study))
    shown = f'## Learning curves\n\n<div class="ina-grid">{"".join(panels)}</div>\n\n' if panels else ""
    if forest:
        shown += f"## Verdicts\n\n{charts.MARKS}\n\n{forest}\n\n"
    return f"""{_WIDE}# {study.experiment}, data source {study.source}

{", ".join(runs["model_label"].unique())}; {len(runs)} runs; {", ".join(sorted(runs["dtype"].unique()))}. As tables:
{names}.

{notes}

{shown}## Runs

Headline scores in points. A record has every setting and metric of a run, and the command that repeats it.

{html_table([_run_row(run) for run in study.records], ("Model", "Task", "Method", "Seed"))}
"""


def _run_row(run: record.Record) -> dict[str, str]:
    scores = [100 * one.metrics[run.headline] for one in run.evaluations]
    place = record.record_path("..", run.experiment, run.source, run.id).as_posix()
    return {
        "Model": run.labels.model,
        "Task": run.labels.task,
        "Method": escape(run.labels.method),
        "Seed": f"{run.seed}",
        "Best": points(100 * run.best.metrics[run.headline]),
        "at epoch": f"{run.best.epoch}",
        "Last": points(scores[-1]),
        "After each epoch": f"{_sparkline(scores)} {' '.join(map(points, scores))}",
        "Learning rate": f"{run.config['train']['learning_rate']:g}",
        "Minutes": f"{(run.wall_seconds or 0) / 60:.1f}",
        "Commit": f"<code>{(run.provenance.commit or 'none')[:9]}</code>",
        "Record": f'<a href="{place}">JSON</a>',
    }


def _sparkline(scores: list[float]) -> str:
    """The course of the scores of a run as a small picture; the numbers stand beside it."""
    low, height = min(scores), (max(scores) - min(scores)) or 1
    at = " ".join(
        f"{2 + 36 * i / max(len(scores) - 1, 1):.1f},{14 - 12 * (s - low) / height:.1f}" for i, s in enumerate(scores)
    )
    return f'<svg class="ina-spark" viewBox="0 0 40 16" aria-hidden="true"><polyline points="{at}"/></svg>'


def _costs_page(results: Path, found: list[Study]) -> str:
    hours = [{"label": study.name, "value": float(study.runs["core_hours"].sum())} for study in found]
    text = (results / "COSTS.md").read_text(encoding="utf-8") if (results / "COSTS.md").is_file() else ""
    return (
        f"# Costs\n\n{charts.bars(hours, 'hours of processor cores', 'Core hours of the runs of each study')}\n\n{text}"
    )
