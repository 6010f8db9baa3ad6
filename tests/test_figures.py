"""Figures show what the records hold, and are readable by all."""

import numpy as np
import pytest
from made_up import MODEL, study, write_run, write_study
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ina import figures
from ina.figures import style
from ina.figures.__main__ import main
from ina.tables.frame import Study
from ina.tables.verdicts import verdicts

MARKS = tuple(style.LEVEL_MARKERS) + tuple(style.MARKERS.values())
LEVELS = (0.0, 0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Study:
    root = tmp_path_factory.mktemp("figures")
    for method, skill in (("full", 0.9), ("lora", 0.7), ("ina", 0.7)):
        write_study(root, tasks=("cola", "sst2"), methods=(method,), seeds=(1, 2, 3, 4), skill=skill, n=400)
    write_run(root, task="cola", method="lora", seed=4, skill=None, n=400)
    return study(root)


def titles(figure: Figure) -> list[str]:
    return [axis.get_title() for axis in figure.axes]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def labels(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_a_figure_of_differences_answers_one_question_with_a_row_a_task_and_the_verdict_at_it(small):
    figure = figures.differences(small, "full")
    [axis] = figure.axes
    assert axis.get_title() == "adapter − full fine-tuning"
    expected = verdicts(small).query("selection == 'last' and b == 'full'")
    drawn = [line.get_xdata()[0] for line in axis.lines if line.get_marker() in MARKS]
    assert drawn == pytest.approx(list(expected["difference"]))
    assert [text.get_text() for text in axis.texts] == list(expected["name"])
    tasks = ["CoLA", "SST-2", "mean"]
    assert labels(figure) == ["InA (Inh 0.3) − Full fine-tuning", *tasks, "LoRA − Full fine-tuning", *tasks]
    cola, sst2, mean = (line.get_xdata() for line in axis.lines[:9] if line.get_marker() == ".")  # paired seeds
    for task, found in (("cola", cola), ("sst2", sst2)):
        ina, full = (small.scores(("minilm", task, method), "last") for method in ("ina", "full"))
        assert found == pytest.approx(100 * (ina - full))
    assert mean == pytest.approx((cola + sst2) / 2)


def test_every_pair_answers_one_question(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("full", "lora", "ina_p0", "ina"), seeds=(1, 2))
    write_study(tmp_path, tasks=("cola",), methods=("ina",), seeds=(1, 2), inhibition=0.5)
    found = study(tmp_path)
    rows = {name: labels(figures.differences(found, name)) for name in figures.QUESTIONS}
    assert rows["none"] == ["InA (Inh 0.5) − InA (Inh 0)", "InA (Inh 0.3) − InA (Inh 0)"]
    assert rows["reference"] == ["InA (Inh 0.5) − InA (Inh 0.3)"]
    assert rows["lora"] == ["InA (Inh 0.5) − LoRA", "InA (Inh 0.3) − LoRA", "InA (Inh 0) − LoRA"]
    assert sum(map(len, rows.values())) == len(verdicts(found).drop_duplicates(["a", "b"]))


def test_only_better_worse_and_equivalent_are_filled(small, monkeypatch):
    kinds = ["better", "worse", "equivalent", "undecided", "depends on the rate"]
    found = verdicts(small).query("selection == 'last' and b == 'full'")[:5].assign(verdict=kinds, name=kinds)
    monkeypatch.setattr("ina.figures.comparison.verdicts", lambda study: found)
    [axis] = figures.differences(small, "full").axes
    filled = [line.get_markerfacecolor() != "white" for line in axis.lines if line.get_marker() in MARKS]
    assert filled == [True, True, True, False, False]
    assert [text.get_text() for text in axis.texts] == kinds


@pytest.mark.parametrize("asked", ["lora", "full"])
def test_every_difference_and_every_seed_is_in_sight_when_intervals_go_beyond(small, asked):
    [axis] = figures.differences(small, asked).axes
    low, high = axis.get_xlim()
    shown = [x for line in axis.lines if line.get_marker() in (*MARKS, ".") for x in line.get_xdata()]
    assert low < min(shown) and max(shown) < high


def test_marks_are_explained_below_the_panels_which_have_letters_where_there_are_several(small):
    differences, curves = figures.differences(small, "full"), figures.curves(small)
    note = differences.legends[0].get_title().get_text().replace("\n", " ")
    assert all(word in note for word in ("Filled", "hollow", "Dot", "Grey", "depends on the learning rate"))
    assert "Band" in curves.legends[0].get_title().get_text()
    assert [axis.texts[0].get_text() for axis in curves.axes] == ["a", "b"]
    assert "a" not in [text.get_text() for text in differences.axes[0].texts]


def test_curves_show_the_mean_of_the_seeds_after_every_epoch(small):
    figure = figures.curves(small)
    runs = small.cells["minilm", "sst2", "full"]
    expected = np.mean([[e.metrics["accuracy"] for e in run.evaluations] for run in runs], axis=0)
    line = figure.axes[titles(figure).index("SST-2")].lines[0]
    assert line.get_ydata() == pytest.approx(100 * expected)
    assert list(line.get_xdata()) == [1, 2]
    assert legend(figure) == ["Full fine-tuning", "LoRA", "InA (Inh 0.3)"]


def test_titles_tell_generated_tasks_from_those_whose_form_they_have_and_several_models_apart(tmp_path):
    write_run(tmp_path / "a", task="squad_v1", source="probe")
    assert titles(figures.curves(alone := study(tmp_path / "a"))) == ["SQuAD v1.1, generated"]
    assert set(figures.figures_for(alone)) == {"curves"}, "one run has no differences"
    for model in ("minilm", "bert_large"):
        write_study(tmp_path / "b", tasks=("cola",), methods=("lora", "ina"), seeds=(1, 2), model=model)
    several = study(tmp_path / "b")
    assert titles(figures.curves(several)) == ["BERT-large, CoLA", f"{MODEL}, CoLA"]
    asked = figures.QUESTIONS["lora"]
    assert titles(figures.differences(several, "lora")) == [f"BERT-large, {asked}", f"{MODEL}, {asked}"]


def test_methods_look_the_same_in_every_study_and_different_within_one(small, tmp_path):
    for level in LEVELS:
        write_run(tmp_path / "levels", method="ina", inhibition=level)
    for rank in (1, 2, 4, 8, 16):
        write_run(tmp_path / "ranks", method="ina", r=rank)
    write_study(tmp_path / "peft", tasks=("cola",), methods=("full", "lora", "dora", "ia3", "vera", "ina"), seeds=(1,))
    levels, ranks, peft = (style.method_styles(study(tmp_path / name)) for name in ("levels", "ranks", "peft"))
    assert style.method_styles(small)["ina"] == levels["ina-inhibition0.3"] == peft["ina"]
    assert peft["ina"].colour == style.COLOURS["ina"].lower()
    lightness = [sum(to_rgb(look.colour)) for look in levels.values()]  # by level, from light to dark
    assert lightness == sorted(set(lightness), reverse=True)
    for looks in (levels, ranks):
        assert len({look.marker for look in looks.values()}) == len(looks)
    assert len({look.colour for look in ranks.values()}) == 1
    assert len(set(peft.values())) == 6 and {peft[name].colour for name in ("ia3", "vera")} == {style.COLOURS["peft"]}
    assert legend(figures.curves(study(tmp_path / "peft")))[-3:] == ["DoRA", "IA3", "VeRA"]


def test_a_long_legend_takes_no_room_from_the_panels(tmp_path):
    heights = []
    for level in LEVELS:
        write_run(tmp_path, method="ina", inhibition=level)
        figure = figures.curves(study(tmp_path))
        figure.canvas.draw()
        heights.append(figure.axes[0].get_position().height * figure.get_figheight())
    assert min(heights) > 0.7 * max(heights)


@pytest.mark.parametrize(
    "matrix",
    [  # Machado et al. (2009), severity 1: protanopia, deuteranopia, tritanopia, on linear RGB
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    ],
)
def test_colours_stay_apart_for_the_colour_blind(matrix):
    linear = np.array([to_rgb(colour) for colour in style.COLOURS.values()]) ** 2.2
    seen = np.clip(linear @ np.array(matrix).T, 0, 1) ** (1 / 2.2)
    apart = np.linalg.norm(seen[:, None] - seen, axis=-1)[np.triu_indices(len(seen), 1)]
    assert apart.min() > 0.1


def test_the_command_writes_every_figure_for_print_and_screen_the_same_every_time(tmp_path):
    write_study(tmp_path, tasks=("squad_v2",), methods=("lora", "ina"), seeds=(1, 2))
    found = []
    for _ in range(2):
        main(["made_up", "--results", str(tmp_path)])
        found.append({path.name: path.read_bytes() for path in (tmp_path / "figures" / "made_up-files").iterdir()})
    names = {f"{name}.{suffix}" for name in ("differences_lora", "curves") for suffix in ("pdf", "png")}
    assert found[0].keys() == names and found[0] == found[1]


def test_an_axis_has_room_for_all_values_but_not_for_intervals_that_dwarf_all_others():
    low, high = style.axis_limits([-1.0, 9.0], [-1.0, 1.0, -2.0, 2.0, -100.0, 100.0])
    assert -10 < low < -2 and 9 < high < 10
