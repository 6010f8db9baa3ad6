"""The pages of results, as Markdown with tables and charts in HTML."""

import json
from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from .. import record
from ..figures import figures_for
from ..figures.chart import Chart
from ..tables.frame import GLUE, SELECTIONS, SQUAD
from ..tables.published import COLUMNS, HEADLINES, published_rows
from ..tables.scores import majority_scores, our_scores, warnings
from ..tables.study import Study, studies
from ..tables.table import DASH, interval, points, span
from .errors import error_files

_WHOSE = {"published": "published", "released": "released runs"}
_TEXT = {"Study", "Data", "Model", "Method", "Methods", "Epoch", "Task", "Tasks", "Commit", "Record", "Trainable"}
_WIDE = "---\nsearch: {exclude: true}\nhide: [toc]\n---\n"  # tables need the room, and should not be searched


def site_files(results: Path) -> dict[str, str | Path]:
    """The files of the site for a folder of results, by path: the text of a page or script, or a file to copy.

    Raises:
        FileNotFoundError: There is no record, or a study has no tables.
    """
    all_studies = sorted(studies(results), key=lambda study: (study.is_ablation, -len(study.records)))
    if not all_studies:
        raise FileNotFoundError(f"there is no record of a study under {results / 'runs'}; set INA_SITE_RESULTS")
    for study in all_studies:
        if not (folder := results / "tables" / study.name).is_dir():
            raise FileNotFoundError(f"{folder} is missing: run python -m ina.tables --results {results}")
    squad = [score for score in COLUMNS if score[0] in SQUAD]
    files: dict[str, str | Path] = {
        "results/table3.md": _scores_page(
            all_studies, "Table 3: GLUE", "glue", [(task, HEADLINES[task]) for task in GLUE]
        ),
        "results/table4.md": _scores_page(all_studies, "Table 4: SQuAD", "squad", squad),
        "results/distractors.md": _overview(
            all_studies,
            "distractors",
            "# Irrelevant facts\n\nF1 by number of irrelevant sentences (distractors): facts in generated paragraphs, "
            "sentences of other articles in SQuAD's.",
        ),
        "results/ablations.md": _overview(
            all_studies, "ablation", "# Ablations\n\nEach experiment varies one or two settings of InA."
        ),
        "results/studies.md": _studies_page(all_studies),
    }
    for study in all_studies:
        files[f"results/studies/{study.name}.md"] = _study_page(study)
        paths = [record.record_path("", run.experiment, run.source, run.id) for run in study.records]
        paths += [path.relative_to(results) for path in (results / "tables" / study.name).glob("*.md")]
        files |= {f"results/{path.as_posix()}": results / path for path in paths}
    return files | error_files(all_studies)


def html_table(rows: list[dict[str, str]], filters: Iterable[str]) -> str:
    """A table that docs/assets/tables.js sorts, and filters by the columns `filters`; cells are HTML."""
    columns = list(rows[0])
    kinds = ["" if column in _TEXT else ' class="number"' for column in columns]
    head = "".join(f"<th{kind}>{escape(column)}</th>" for column, kind in zip(columns, kinds, strict=True))
    body = "\n".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row.values(), kinds, strict=True)) + "</tr>"
        for row in rows
    )
    return (
        f'<div class="ina-table" data-filters="{escape("|".join(filters))}"><table class="ina">\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _scores_page(all_studies: list[Study], title: str, source: str, scores: list[tuple[str, str]]) -> str:
    """Our scores on a kind of task, from all studies, and the numbers that others published and released."""
    tasks = {task for task, _ in scores}
    scored_studies = [study for study in all_studies if tasks & set(study.tasks) and not study.is_ablation]
    averaged = scored_studies[0].averaged if scored_studies and source == "glue" else ()
    names = {score: COLUMNS[score] for score in scores}
    if averaged:
        names["glue", "average"] = f"Avg. of {len(averaged)}"
    rows = [row for study in scored_studies for row in _our_rows(study, names, averaged)]
    others, sources = published_rows(source, scores, averaged)
    heads = ["origin", "Model", "Method", "Trainable", "Epoch"]
    for (origin, model, method, trainable, epoch), group in others.groupby(heads, sort=False) if len(others) else ():
        row = {"Study": _WHOSE[origin], "Model": model, "Method": escape(method), "Trainable": trainable}
        texts = {names[entry.task, entry.metric]: escape(entry.text) for entry in group.itertuples()}
        rows.append(row | {"Epoch": epoch} | texts)
    blank = dict.fromkeys(["Study", "Model", "Method", "Epoch", "n", *names.values(), "Trainable"], DASH)
    rows = [blank | row for row in rows]
    notes = "\n".join(f"- {escape(note)}" for note in sources)
    over = ", ".join(COLUMNS[task, HEADLINES[task]] for task in averaged)
    mean = f" Avg. of {len(averaged)}: mean over {over}." if averaged else ""
    return f"""{_WIDE}# {title}

Dev sets. Our cells are mean ± standard deviation over n seeds, in points. Hover over a cell for the 95 % interval of
the expected score; click it to open its runs. Epoch *best* is the one with the best headline score on the dev set,
optimistic for every method alike; *last* is the last one. †k: k of the runs predict the same for every example.{mean}
Studies differ in their training sets and data sources, so compare methods only within one study. Click a column heading
to sort.

{html_table(rows, ("Study", "Model", "Method", "Epoch"))}

‡: not read at its source. Sources of other people's numbers:

{notes}
"""


def _our_rows(study: Study, names: dict[tuple[str, str], str], averaged: tuple[str, ...]) -> list[dict[str, str]]:
    """A row for each model, method and selection, a column for each of `names`."""
    heads, scores, rows = ["Model", "Method", "Trainable", "Epoch"], list(names), []
    found = pd.concat([majority_scores(study, scores), our_scores(study, scores, averaged)])
    for texts, group in found.fillna(dict.fromkeys(heads, DASH)).groupby(heads, sort=False):
        if group["mean"].notna().any():
            n = group["n"].dropna().astype(int)
            row = {"Study": _study_link(study), "n": span(n) if len(n) else DASH}
            row |= dict(zip(heads, map(escape, texts), strict=True))
            rows.append(row | {names[entry.task, entry.metric]: _cell(study, entry) for entry in group.itertuples()})
    return rows


def _cell(study: Study, entry) -> str:
    """A score of ours, with a link to its runs."""
    if pd.isna(entry.n):
        return entry.text
    place = f"Task={quote(study.label(task=entry.task))}&Method={quote(entry.Method)}"
    scope = " over examples alone" if entry.n == 1 else ""
    limits = "" if pd.isna(entry.low) else f"95 % interval {interval(entry.low, entry.high)}{scope}, "
    title = f"{limits}n = {entry.n:g}, {entry.dev_rows:,.0f} dev examples"
    return f'<a href="studies/{study.name}.html#{escape(place)}" title="{title}">{entry.text}</a>'


def _study_link(study: Study) -> str:
    return f'<a href="studies/{study.name}.html">{study.experiment}</a>'


def _embedded(chart: Chart) -> str:
    """A chart as HTML that docs/assets/charts.js draws, as wide as the page allows."""
    spec = chart.spec | {
        "width": "container",
        "height": chart.height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": {"view": {"stroke": None}},
    }
    text = json.dumps(spec, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<figure class="ina-chart{" ina-wide" * chart.wide}"><figcaption>{escape(chart.title)}</figcaption>'
        f'<div class="ina-plot"></div><script type="application/json">{text}</script></figure>'
    )


def _grid(charts: Iterable[Chart]) -> str:
    return f'<div class="ina-grid">{"".join(map(_embedded, charts))}</div>'


def _overview(all_studies: list[Study], name: str, text: str) -> str:
    """A page with the figure `name` of every study that has it, and links to the table of that name."""
    parts = []
    for study in all_studies:
        if draw := figures_for(study, SELECTIONS).get(name):
            figure = draw()
            n = f"n = {span([len(runs) for runs in study.cells.values()])} seeds. "
            links = f"[The table](tables/{study.name}/{name}.md), [the runs](studies/{study.name}.md)"
            parts += [f"## {study.experiment}", figure.note, _grid(figure.charts), n + links]
    return "\n\n".join([text, *(parts or ["No study has measured this.\n"])])


def _studies_page(all_studies: list[Study]) -> str:
    rows = [
        {
            "Study": _study_link(study),
            "Data": study.source,
            "Model": ", ".join(study.label(model=model) for model in study.models),
            "Tasks": ", ".join(study.label(task=task) for task in study.tasks),
            "Methods": ", ".join(escape(study.label(model=model, method=method)) for model, method in study.methods),
            "Seeds": f"{study.runs['seed'].nunique()}",
            "Runs": f"{len(study.records)}",
        }
        for study in all_studies
    ]
    text = "Each study has a page with its learning curves, verdicts and runs."
    return f"{_WIDE}# Studies and runs\n\n{text}\n\n{html_table(rows, ('Data', 'Model'))}\n"


def _study_page(study: Study) -> str:
    runs = study.runs
    tables = sorted(path.stem for path in (study.root / "tables" / study.name).glob("*.csv"))
    names = ", ".join(f"[{name}](../tables/{study.name}/{name}.md)" for name in tables)
    notes = "\n".join(f"- {escape(note)}" for note in warnings(study))
    figures = {name: draw() for name, draw in figures_for(study, SELECTIONS).items()}
    shown = "".join(
        f"## {name.replace('_', ' ').capitalize()}\n\n{figure.note}\n\n{_grid(figure.charts)}\n\n"
        for name, figure in figures.items()
    )
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
        "After each epoch": " ".join(map(points, scores)),
        "Learning rate": f"{run.config['train']['learning_rate']:g}",
        "Minutes": f"{(run.wall_seconds or 0) / 60:.1f}",
        "Commit": f"<code>{(run.provenance.commit or 'none')[:9]}</code>",
        "Record": f'<a href="{place}">JSON</a>',
    }
