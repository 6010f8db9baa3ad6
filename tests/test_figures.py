"""Figures show what the records hold, and are readable by all."""

from pathlib import Path

import numpy as np
import pytest
from made_up import write_run, write_study
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ina import figures
from ina.figures import style
from ina.figures.__main__ import main
from ina.tables import collect
from ina.tables.verdicts import judge


def study(root: Path) -> collect.Study:
    [found] = collect.studies(root)
    return found


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> collect.Study:
    root = tmp_path_factory.mktemp("figures")
    for method, skill in (("full", 0.9), ("lora", 0.7), ("ina", 0.7)):
        write_study(root, tasks=("cola", "sst2"), methods=(method,), seeds=(1, 2, 3, 4), skill=skill, n=400)
    write_run(root, task="cola", method="lora", seed=4, skill=None, n=400)
    return study(root)


def titles(figure: Figure) -> list[str]:
    return [axis.get_title() for axis in figure.axes]


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_forest_has_a_panel_for_each_pair_and_a_marker_at_each_difference(small):
    figure = figures.forest(small, "last")
    assert titles(figure) == ["InA (Inh 0.3)\n− LoRA", "InA (Inh 0.3)\n− Full fine-tuning", "LoRA\n− Full fine-tuning"]
    drawn = [line.get_xdata()[0] for line in figure.axes[1].lines if line.get_marker() == "D"]
    wanted = [one for one in judge(small, "last") if (one.a, one.b) == ("ina", "full")]
    assert drawn == pytest.approx([100 * one.compared.difference.value for one in wanted])
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == ["CoLA", "SST-2", "mean"]


def test_forest_fills_the_marker_where_there_is_a_verdict(small):
    judged = judge(small, "best")
    assert {"undecided", "worse"} <= {one.verdict.verdict for one in judged}
    markers = [line for axis in figures.forest(small).axes for line in axis.lines if line.get_marker() in ("D", "s")]
    for line, one in zip(markers, judged, strict=True):
        assert (line.get_markerfacecolor() == "white") == (one.verdict.verdict == "undecided")


def test_forest_keeps_every_difference_in_sight_when_intervals_go_beyond(small):
    for axis in figures.forest(small).axes:
        low, high = axis.get_xlim()
        assert all(low < line.get_xdata()[0] < high for line in axis.lines if line.get_marker() in ("D", "s"))


def test_curves_show_the_mean_of_the_seeds_after_every_epoch(small):
    figure = figures.curves(small)
    cell = small.cells["minilm", "sst2", "full"]
    expected = np.mean([[e.metrics["accuracy"] for e in run.evaluations] for run in cell.runs], axis=0)
    line = figure.axes[titles(figure).index("SST-2")].lines[0]
    assert line.get_ydata() == pytest.approx(100 * expected)
    assert list(line.get_xdata()) == [1, 2]
    assert legend(figure) == ["Full fine-tuning", "LoRA", "InA (Inh 0.3)"]


def test_seeds_are_points_and_degenerate_runs_crosses(small):
    figure = figures.seeds(small)
    axis = figure.axes[titles(figure).index("CoLA")]
    points = sum(len(line.get_xdata()) for line in axis.lines if line.get_marker() in ("o", "s", "D"))
    crosses = [value for line in axis.lines if line.get_marker() == "x" for value in line.get_ydata()]
    assert (points, crosses) == (11, [0.0])


def test_size_is_drawn_against_trainable_weights_on_a_log_scale(small):
    [axis] = figures.size(small).axes
    assert axis.get_xscale() == "log"
    weights = [container.lines[0].get_xdata()[0] for container in axis.containers]
    assert weights[:2] == [small.cells["minilm", "cola", m].first.params.trainable for m in ("full", "lora")]
    assert weights[2] == pytest.approx(1.15 * weights[1])  # the same number, set apart


def test_methods_without_all_tasks_are_left_out_of_the_mean(small, tmp_path):
    write_study(tmp_path, tasks=("cola", "sst2"), methods=("lora",))
    write_run(tmp_path, task="cola", method="ina")
    assert legend(figures.size(study(tmp_path))) == ["LoRA"]


def test_tasks_that_share_questions_are_not_averaged(tmp_path):
    write_study(tmp_path, tasks=("squad_v1", "squad_v2"), methods=("lora",))
    labels = [axis.get_ylabel() for axis in figures.size(study(tmp_path)).axes]
    assert labels == ["SQuAD v1.1,\nbest epoch", "SQuAD v2.0,\nbest epoch"]


@pytest.mark.parametrize(("source", "title"), [("files", "SQuAD v1.1"), ("probe", "SQuAD v1.1, generated")])
def test_a_task_of_the_embedded_suite_is_not_taken_for_the_one_whose_form_it_has(tmp_path, source, title):
    write_study(tmp_path, tasks=("squad_v1",), methods=("lora",), source=source)
    assert titles(figures.curves(study(tmp_path))) == [title]


def test_every_method_has_its_own_colour_marker_and_line(tmp_path):
    for level in (0.0, 0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9):
        write_run(tmp_path, method="ina", inhibition=level)
    looks = style.looks(study(tmp_path)).values()
    for part in ("colour", "marker", "line"):
        assert len({getattr(look, part) for look in looks}) == 8


def test_methods_beyond_the_eighth_still_look_like_no_other(tmp_path):
    for level in range(24):
        write_run(tmp_path, method="ina", inhibition=level / 24)
    assert len(set(style.looks(study(tmp_path)).values())) == 24


def test_a_long_legend_takes_no_room_from_the_panels(tmp_path):
    heights = []
    for level in (0.0, 0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9):
        write_run(tmp_path, method="ina", inhibition=level)
        figure = figures.size(study(tmp_path))
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
    linear = np.array([to_rgb(colour) for colour in style.COLOURS]) ** 2.2
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
    assert titles(figures.curves(study(tmp_path))) == ["BERT-large, CoLA", "MiniLM-L6-H384, CoLA"]
    assert len(figures.forest(study(tmp_path)).axes) == 2


def test_the_command_writes_every_figure_for_print_and_screen(tmp_path, capsys):
    write_study(tmp_path, tasks=("squad_v2",), methods=("lora", "ina"), seeds=(1, 2))
    main(["made_up", "--results", str(tmp_path)])
    written = {path.name for path in (tmp_path / "figures" / "made_up-files").iterdir()}
    names = ("forest_best", "forest_last", "curves", "size", "seeds")
    assert written == {f"{name}.{suffix}" for name in names for suffix in ("pdf", "png")}


def test_one_run_alone_can_be_drawn_but_for_the_differences_that_it_has_not(tmp_path):
    write_run(tmp_path)
    drawn = figures.drawn(study(tmp_path))
    assert set(drawn) == {"curves", "size", "seeds"}
    assert all(isinstance(draw(study(tmp_path)), Figure) for draw in drawn.values())
