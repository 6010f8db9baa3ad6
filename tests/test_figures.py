"""Figures show what the records hold, and are readable by all."""

from pathlib import Path

import numpy as np
import pytest
from made_up import MODEL, write_run, write_study
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ina import figures
from ina.figures import style
from ina.figures.__main__ import main
from ina.tables.frame import Study, studies
from ina.tables.verdicts import verdicts

MARKS = tuple(style.LEVEL_MARKERS) + tuple(style.MARKERS.values())


def study(root: Path) -> Study:
    [found] = studies(root)
    return found


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


def test_a_figure_of_differences_answers_one_question_with_a_row_a_task_and_the_verdict_at_it(small):
    figure = figures.differences(small, "full")
    [axis] = figure.axes
    assert axis.get_title() == "adapter − full fine-tuning"
    expected = verdicts(small).query("selection == 'last' and b == 'full'")
    drawn = [line.get_xdata()[0] for line in axis.lines if line.get_marker() in MARKS]
    assert drawn == pytest.approx(list(expected["difference"]))
    assert [text.get_text() for text in axis.texts] == list(expected["name"])
    tasks = ["CoLA", "SST-2", "mean"]
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert labels == ["InA (Inh 0.3) − Full fine-tuning", *tasks, "LoRA − Full fine-tuning", *tasks]


def test_every_pair_answers_one_question(tmp_path):
    for seed in (1, 2):
        for method in ("full", "lora", "ina_p0", "ina"):
            write_run(tmp_path, method=method, seed=seed)
        write_run(tmp_path, method="ina", seed=seed, inhibition=0.5)
    found = study(tmp_path)
    rows = {
        name: [label.get_text() for label in figures.differences(found, name).axes[0].get_yticklabels()]
        for name in figures.QUESTIONS
    }
    assert rows["none"] == ["InA (Inh 0.5) − InA (Inh 0)", "InA (Inh 0.3) − InA (Inh 0)"]
    assert rows["reference"] == ["InA (Inh 0.5) − InA (Inh 0.3)"]
    assert rows["lora"] == ["InA (Inh 0.5) − LoRA", "InA (Inh 0.3) − LoRA", "InA (Inh 0) − LoRA"]
    assert sum(map(len, rows.values())) == len(verdicts(found).drop_duplicates(["a", "b"]))


def test_seeds_are_dots_at_their_paired_differences(small):
    [axis] = figures.differences(small, "full").axes
    dots = [list(line.get_xdata()) for line in axis.lines if line.get_marker() == "."]
    [cola, sst2, mean] = dots[:3]
    for task, found in (("cola", cola), ("sst2", sst2)):
        ina, full = (small.scores(("minilm", task, method), "last") for method in ("ina", "full"))
        assert found == pytest.approx(100 * (ina - full))
    assert mean == pytest.approx((np.array(cola) + sst2) / 2)


def test_only_better_worse_and_equivalent_are_filled(small, monkeypatch):
    kinds = ["better", "worse", "equivalent", "undecided", "depends on the rate"]
    found = verdicts(small).query("selection == 'last' and b == 'full'")[:5].assign(verdict=kinds, name=kinds)
    monkeypatch.setattr("ina.figures.comparison.verdicts", lambda study: found)
    [axis] = figures.differences(small, "full").axes
    filled = [line.get_markerfacecolor() != "white" for line in axis.lines if line.get_marker() in MARKS]
    assert filled == [True, True, True, False, False]
    assert [text.get_text() for text in axis.texts] == kinds


def test_every_difference_and_every_seed_is_in_sight_when_intervals_go_beyond(small):
    for asked in ("lora", "full"):
        for axis in figures.differences(small, asked).axes:
            low, high = axis.get_xlim()
            shown = [x for line in axis.lines if line.get_marker() in (*MARKS, ".") for x in line.get_xdata()]
            assert low < min(shown) and max(shown) < high


def test_marks_are_explained_below_the_panels(small):
    note = figures.differences(small, "full").legends[0].get_title().get_text().replace("\n", " ")
    assert all(word in note for word in ("Filled", "hollow", "Dot", "Grey", "depends on the learning rate"))
    assert "Band" in figures.curves(small).legends[0].get_title().get_text()


def test_panels_have_letters_where_there_are_several(small):
    assert [axis.texts[0].get_text() for axis in figures.curves(small).axes] == ["a", "b"]
    assert "a" not in [text.get_text() for axis in figures.differences(small, "lora").axes for text in axis.texts]


def test_curves_show_the_mean_of_the_seeds_after_every_epoch(small):
    figure = figures.curves(small)
    runs = [run for run in small.records if (run.task, run.method) == ("sst2", "full")]
    expected = np.mean([[e.metrics["accuracy"] for e in run.evaluations] for run in runs], axis=0)
    line = figure.axes[titles(figure).index("SST-2")].lines[0]
    assert line.get_ydata() == pytest.approx(100 * expected)
    assert list(line.get_xdata()) == [1, 2]
    assert legend(figure) == ["Full fine-tuning", "LoRA", "InA (Inh 0.3)"]


@pytest.mark.parametrize(("source", "title"), [("files", "SQuAD v1.1"), ("probe", "SQuAD v1.1, generated")])
def test_a_task_of_the_embedded_suite_is_not_taken_for_the_one_whose_form_it_has(tmp_path, source, title):
    write_study(tmp_path, tasks=("squad_v1",), methods=("lora",), source=source)
    assert titles(figures.curves(study(tmp_path))) == [title]


def test_a_method_looks_the_same_whatever_it_is_compared_with(small, tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("ina",))
    assert style.method_styles(study(tmp_path))["ina"] == style.method_styles(small)["ina"]
    assert style.method_styles(small)["ina"].colour == style.COLOURS["ina"].lower()


def test_levels_of_inhibition_are_shades_from_light_to_dark_with_a_marker_each(tmp_path):
    for level in (0.0, 0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9):
        write_run(tmp_path, method="ina", inhibition=level)
    looks = list(style.method_styles(study(tmp_path)).values())
    lightness = [sum(to_rgb(look.colour)) for look in looks]
    assert lightness == sorted(lightness, reverse=True) and len(set(lightness)) == 8
    assert len({look.marker for look in looks}) == 8


def test_methods_of_one_level_have_different_markers(tmp_path):
    for rank in (1, 2, 4, 8, 16):
        write_run(tmp_path, method="ina", r=rank)
    looks = list(style.method_styles(study(tmp_path)).values())
    assert len({look.marker for look in looks}) == 5 and len({look.colour for look in looks}) == 1


def test_methods_of_peft_are_drawn_apart_from_ours_and_from_each_other(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("full", "lora", "dora", "ia3", "vera", "ina"), seeds=(1, 2, 3))
    found = study(tmp_path)
    looks = style.method_styles(found)
    assert len(set(looks.values())) == 6 and {looks[m].colour for m in ("ia3", "vera")} == {style.COLOURS["peft"]}
    assert legend(figures.curves(found))[-3:] == ["DoRA", "IA3", "VeRA"]
    [axis] = figures.differences(found, "full").axes
    labels = [label.get_text() for label in axis.get_yticklabels()]
    assert "IA3 − Full fine-tuning" in labels


def test_a_long_legend_takes_no_room_from_the_panels(tmp_path):
    heights = []
    for level in (0.0, 0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9):
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


def test_the_same_figure_is_the_same_file(small, tmp_path):
    for suffix in ("pdf", "png"):
        for name in ("a", "b"):
            figures.save(figures.curves(small), tmp_path / f"{name}.{suffix}")
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_figures_of_several_models_name_them(tmp_path):
    for model in ("minilm", "bert_large"):
        write_study(tmp_path, tasks=("cola",), methods=("lora", "ina"), seeds=(1, 2), model=model)
    assert titles(figures.curves(study(tmp_path))) == ["BERT-large, CoLA", f"{MODEL}, CoLA"]
    assert titles(figures.differences(study(tmp_path), "lora")) == [
        "BERT-large, InA − LoRA of the same sites and rank",
        f"{MODEL}, InA − LoRA of the same sites and rank",
    ]


def test_the_command_writes_every_figure_for_print_and_screen(tmp_path, capsys):
    write_study(tmp_path, tasks=("squad_v2",), methods=("lora", "ina"), seeds=(1, 2))
    main(["made_up", "--results", str(tmp_path)])
    written = {path.name for path in (tmp_path / "figures" / "made_up-files").iterdir()}
    names = ("differences_lora", "curves")
    assert written == {f"{name}.{suffix}" for name in names for suffix in ("pdf", "png")}


def test_one_run_alone_can_be_drawn_but_for_the_differences_that_it_has_not(tmp_path):
    write_run(tmp_path)
    assert set(figures.figures_for(study(tmp_path))) == {"curves"}
