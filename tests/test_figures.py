"""Figures show what the records hold, and are readable by all."""

import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
import vl_convert
from made_up import MODEL, study, write_arms, write_run, write_study
from PIL import Image

from ina import figures
from ina.figures import Figure, chart, comparison, style
from ina.figures.__main__ import main
from ina.tables.study import Study, searches, studies
from ina.tables.verdicts import verdicts

RESULTS = Path(__file__).parent.parent / "results"
PAGES = "".join(page.read_text() for page in RESULTS.glob("*.md"))
SHOWN = [RESULTS / name for name in dict.fromkeys(re.findall(r"\((figures/\S+\.png)\)", PAGES))]
LEVELS = (0.0, 0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Study:
    root = tmp_path_factory.mktemp("figures")
    write_arms(root, {"full": 0.9, "lora": 0.7, "ina": 0.7}, tasks=("cola", "sst2"), seeds=(1, 2, 3, 4), n=400)
    write_run(root, task="cola", method="lora", seed=4, skill=None, n=400)
    return study(root)


def rows(figure: Figure, place: int = 0) -> list[dict]:
    return figure.charts[place].spec["data"]["values"]


def titles(figure: Figure) -> list[str]:
    return [chart.title for chart in figure.charts]


def headings(figure: Figure) -> list[str]:
    return list(dict.fromkeys(row["heading"] for row in rows(figure)))


def drawn(figure: Figure) -> str:
    """What a reader sees."""
    return vl_convert.vegalite_to_svg(figure.spec())


def test_the_figure_of_differences_has_a_row_a_pair_and_task_with_the_verdict_at_it(small):
    figure = figures.differences(small)
    assert titles(figure) == [f"made_up, {MODEL}, n = 4 seeds"]
    expected = verdicts(small).query("selection == 'last'")
    found = sorted((row["value"], row["low"], row["high"], row["word"]) for row in rows(figure))
    columns = ["difference", "simultaneous_low", "simultaneous_high", "name"]
    assert found == sorted(expected[columns].itertuples(index=False, name=None))
    pairs = ["InA (Inh 0.3) − LoRA", "InA (Inh 0.3) − Full fine-tuning", "LoRA − Full fine-tuning"]
    assert headings(figure) == pairs  # the primary one first
    assert [row["label"] for row in rows(figure)] == ["CoLA", "SST-2", "mean"] * 3
    cola, sst2, mean = (np.array(row["seeds"]) for row in rows(figure)[3:6])
    for task, seeds in (("cola", cola), ("sst2", sst2)):
        ina, full = (small.scores(("minilm", task, method), "last") for method in ("ina", "full"))
        assert seeds == pytest.approx(100 * (ina - full), abs=0.01)
    assert mean == pytest.approx((cola + sst2) / 2, abs=0.02)
    text = drawn(figure)
    assert all(f">{row[name]}</text>" in text for row in rows(figure) for name in ("label", "word", "heading"))


def test_a_figure_of_both_selections_shows_the_last_epoch_first(small):
    [chart] = figures.differences(small, ("best", "last")).charts
    assert chart.spec["params"][0]["value"] == "last" and len(chart.spec["data"]["values"]) == 18


def test_only_better_worse_and_equivalent_are_filled(small, monkeypatch):
    kinds = ["better", "worse", "equivalent", "undecided", "depends on the rate"]
    found = verdicts(small).query("selection == 'last' and b == 'full'")[:5].assign(verdict=kinds, name=kinds)
    monkeypatch.setattr(comparison, "verdicts", lambda _: found)
    filled = {row["word"]: row["decided"] for row in rows(figures.differences(small))}
    assert filled == dict(zip(kinds, [True, True, True, False, False], strict=True))


def test_all_differences_and_seeds_are_in_sight_even_if_intervals_are_cut(small):
    figure = figures.differences(small)
    layer = next(one for one in figure.charts[0].spec["layer"] if "fillOpacity" in one["encoding"])
    low, high = layer["encoding"]["x"]["scale"]["domain"]
    shown = [value for row in rows(figure) for value in (row["value"], *row["seeds"])]
    assert low < min(shown) and max(shown) < high


def test_marks_are_explained_below_the_charts(small):
    for figure in (figures.differences(small), figures.curves(small)):
        text = html.unescape(re.sub(r"</?(text|tspan)[^>]*>", " ", drawn(figure)))
        assert figure.note and set(figure.note.split()) <= set(text.split())


def test_a_chart_with_labels_at_its_sides_stands_alone_in_its_row():
    charts = [chart.Chart({}, name, wide=name.isupper()) for name in "abCde"]
    rows = [[view["title"] for view in row["hconcat"]] for row in Figure(charts, "", columns=2).spec()["vconcat"]]
    assert rows == [["a", "b"], ["C"], ["d", "e"]]


def test_curves_show_every_seed_and_their_mean_after_every_epoch(small):
    figure = figures.curves(small)
    runs = small.cells["minilm", "sst2", "full"]
    expected = np.array([[100 * one.metrics["accuracy"] for one in run.evaluations] for run in runs])
    shown = figure.charts[titles(figure).index(f"{MODEL}, SST-2")].spec["data"]["values"]
    assert {row["method"] for row in shown} == {"Full fine-tuning", "LoRA", "InA (Inh 0.3)"}
    found = [row for row in shown if row["method"] == "Full fine-tuning"]
    assert [row["x"] for row in found] == [one.epoch for one in runs[0].evaluations]
    assert [row["value"] for row in found] == pytest.approx(expected.mean(axis=0))
    assert np.array([row["seeds"] for row in found]).T == pytest.approx(expected, abs=0.01)


def test_titles_mark_generated_tasks_and_name_the_model_if_there_are_several(tmp_path):
    write_run(tmp_path / "a", task="squad_v1", source="probe")
    assert titles(figures.curves(alone := study(tmp_path / "a"))) == [f"{MODEL}, SQuAD v1.1, generated"]
    assert set(figures.figures_for(alone)) == {"curves"}, "one run has no differences"
    for model in ("minilm", "bert_large"):
        write_study(tmp_path / "b", tasks=("cola",), methods=("lora", "ina"), seeds=(1, 2), model=model)
    several = study(tmp_path / "b")
    assert titles(figures.curves(several)) == ["BERT-large, CoLA", f"{MODEL}, CoLA"]
    assert titles(figures.differences(several)) == [f"made_up, {name}, n = 2 seeds" for name in ("BERT-large", MODEL)]


def test_methods_look_the_same_in_every_study_and_different_within_one(small, tmp_path):
    for level in LEVELS:
        write_run(tmp_path / "levels", method="ina", inhibition=level)
    for rank in (1, 2, 4, 8, 16):
        write_run(tmp_path / "ranks", method="ina", r=rank)
    write_study(tmp_path / "peft", tasks=("cola",), methods=("full", "lora", "dora", "ia3", "vera", "ina"), seeds=(1,))
    levels, ranks, peft = (style.method_styles(study(tmp_path / name)) for name in ("levels", "ranks", "peft"))
    assert style.method_styles(small)["ina"] == levels["ina-inhibition0.3"] == peft["ina"]
    assert peft["ina"].colour == style.COLOURS["ina"]
    write_run(tmp_path / "identity", method="ina", activation="identity")
    [identity] = style.method_styles(study(tmp_path / "identity")).values()
    assert identity.colour == style.COLOURS["identity"]
    lightness = [sum(rgb(look.colour)) for look in levels.values()]  # by level, from light to dark
    assert lightness == sorted(set(lightness), reverse=True)
    for looks in (levels, ranks):
        assert len({look.shape for look in looks.values()}) == len(looks)
    assert len({look.colour for look in ranks.values()}) == 1
    assert len(set(peft.values())) == 6 and {peft[name].colour for name in ("ia3", "vera")} == {style.COLOURS["peft"]}


def rgb(colour: str) -> list[float]:
    return [channel / 255 for channel in bytes.fromhex(colour[1:])]


@pytest.mark.parametrize(
    "matrix",
    [  # Machado et al. (2009), severity 1: protanopia, deuteranopia, tritanopia, on linear RGB
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ],
)
def test_colours_stay_apart_for_the_colour_blind(matrix):
    linear = np.array([rgb(colour) for colour in style.COLOURS.values()]) ** 2.2
    seen = np.clip(linear @ np.array(matrix).T, 0, 1) ** (1 / 2.2)
    apart = np.linalg.norm(seen[:, None] - seen, axis=-1)[np.triu_indices(len(seen), 1)]
    assert apart.min() > 0.1


def test_the_command_writes_every_figure_for_print_and_screen_the_pictures_the_same_every_time(tmp_path):
    write_study(tmp_path, tasks=("squad_v2",), methods=("lora", "ina"), seeds=(1, 2))
    found: list[dict[str, bytes]] = []
    for _ in range(2):
        main(["made_up", "--results", str(tmp_path)])
        found.append({path.name: path.read_bytes() for path in (tmp_path / "figures" / "made_up-files").iterdir()})
    names = {f"{name}.{suffix}" for name in ("differences", "curves") for suffix in ("pdf", "png")}
    assert found[0].keys() == names and all(content.startswith((b"%PDF", b"\x89PNG")) for content in found[0].values())
    assert all(found[0][name] == found[1][name] for name in names if name.endswith("png"))


def numbers_and_rest(text: str) -> tuple[list[float], object]:
    numbers: list[float] = []
    return numbers, json.loads(text, parse_float=lambda number: numbers.append(float(number)))


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_committed_figure_shows_what_the_records_say(path):
    experiment = path.parent.name.rpartition("-")[0]
    found = studies(RESULTS, experiment) + searches(RESULTS, experiment)
    [shown] = [one for one in found if one.name == path.parent.name]
    expected, layout = numbers_and_rest(json.dumps(figures.figures_for(shown)[path.stem]().spec()))
    numbers, its_layout = numbers_and_rest(Image.open(path).text["Vega-Lite"])
    again = f"run: python -m ina.figures {experiment}"
    assert its_layout == layout, again
    assert expected and numbers == pytest.approx(expected, rel=1e-6, abs=1e-9), again


def test_a_search_that_varies_no_learning_rate_has_no_figure_of_rates(tmp_path):
    for rate, drawn in ((1e-3, set()), (2e-3, {"rates"})):
        write_run(tmp_path, select=0.2, train={"learning_rate": rate})
        [search] = searches(tmp_path)
        assert figures.figures_for(search).keys() == drawn


def test_the_command_says_where_nothing_can_be_written(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("lora", "ina"), seeds=(1, 2))
    (tmp_path / "figures").touch()
    with pytest.raises(SystemExit, match="error: .*figures"):
        main(["made_up", "--results", str(tmp_path)])


def test_an_axis_shows_all_values_and_cuts_very_long_intervals():
    low, high = style.axis_limits([-1.0, 9.0], [-1.0, 1.0, -2.0, 2.0, -100.0, 100.0])
    assert -10 < low < -2 and 9 < high < 10


def test_a_figure_in_another_format_is_refused_before_anything_is_written(small, tmp_path):
    with pytest.raises(ValueError, match=r"curves\.jpg: a figure is written as \.png or \.pdf"):
        figures.save(figures.curves(small), tmp_path / "curves.jpg")
    assert list(tmp_path.iterdir()) == []
