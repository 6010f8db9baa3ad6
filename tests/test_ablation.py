"""Tables and figures of ablations: settings in order, differences with verdicts, the numbers of others beside them."""

from pathlib import Path

import numpy as np
import pytest
from made_up import write_run

from ina import figures
from ina.tables import documents
from ina.tables.ablation import ablation_table, differences, ordered, varied
from ina.tables.frame import Study, studies
from ina.tables.table import Table

SEEDS = (1, 2, 3)


def study(root: Path, experiment: str) -> Study:
    [found] = studies(root, experiment)
    return found


def grid(root: Path, experiment: str, *settings: dict, method: str = "ina", task: str = "stsb", skill=0.8) -> None:
    for changed in settings:
        for seed in SEEDS:
            write_run(root, task=task, method=method, seed=seed, experiment=experiment, skill=skill, **changed)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("ablations")
    grid(root, "ablation_activation", {"activation": "identity"}, {"activation": "relu"}, {})
    grid(root, "ablation_activation", {"activation": "selu"}, skill=None)
    levels = ({"inhibition": 0.9}, {}, {"inhibition": 0.0})
    grid(root, "ablation_inhibition", *levels, *({"activation": "identity"} | level for level in levels))
    for method in ("ina", "lora"):
        grid(root, "ablation_rank", {"r": 16}, {"r": 2}, {}, method=method)
    sites = [["all"], ["query", "key", "value"], ["key"], ["query"]]
    grid(root, "ablation_sites", {}, *({"sites": site} for site in sites), task="cola")
    grid(root, "ablation_threshold", {"threshold": "tensor", "detach_threshold": True}, {}, {"threshold": "tensor"})
    return root


def values(table: Table, *titles: str) -> list[tuple[str, ...]]:
    """These columns, without the rows that continue another."""
    return [tuple(row) for row in table.shown.loc[table.shown["Method"] != "", list(titles)].to_numpy()]


def test_only_experiments_called_ablation_are_ablations(root, tmp_path):
    write_run(tmp_path, experiment="glue_mini")
    assert study(root, "ablation_rank").is_ablation and not study(tmp_path, "glue_mini").is_ablation


@pytest.mark.parametrize(
    ("experiment", "keys"),
    [
        ("ablation_activation", ("activation",)),
        ("ablation_inhibition", ("activation", "inhibition")),
        ("ablation_rank", ("r",)),
        ("ablation_sites", ("sites",)),
        ("ablation_threshold", ("threshold", "detach_threshold")),
    ],
)
def test_what_varies_is_found_in_the_records(root, experiment, keys):
    assert varied(study(root, experiment)) == keys


def test_what_differs_between_tasks_alone_is_not_varied(tmp_path):
    grid(tmp_path, "ablation_activation", {"r": 8}, {"r": 8, "activation": "relu"}, task="stsb")
    grid(tmp_path, "ablation_activation", {"r": 4}, {"r": 4, "activation": "relu"}, task="cola")
    assert varied(study(tmp_path, "ablation_activation")) == ("activation",)


def test_settings_stand_in_their_order(root):
    ours = {name: ablation_table(study(root, f"ablation_{name}")) for name in ("rank", "sites", "inhibition")}
    assert values(ours["rank"], "Method", "Rank") == [(m, r) for m in ("LoRA", "InA") for r in ("2", "8", "16")]
    sites = ["query", "key", "query+key", "query+key+value", "all"]
    assert [value for (value,) in values(ours["sites"], "Sites")] == sites
    levels = values(ours["inhibition"], "Activation", "Inhibition")[:6]
    assert levels == [(f, level) for f in ("gelu", "identity") for level in ("0", "0.3", "0.9")]


def test_a_row_has_the_mean_of_its_runs_and_its_difference_to_the_reference(root):
    found = study(root, "ablation_activation")
    table = ablation_table(found)
    rows = {name: rest for name, *rest in values(table, "Activation", "Score (n)", "To reference Δ")[:4]}
    scores = {key[2]: 100 * found.scores(key, "best") for key in found.cells.index}
    relu, gelu = scores["ina-activationrelu"], scores["ina"]
    assert rows["relu"][0] == f"{relu.mean():.1f} ± {relu.std(ddof=1):.1f} (3)"
    assert rows["relu"][1] == f"{np.mean(relu - gelu):+.1f}".replace("-", "−")
    assert rows["gelu"][1] == "ref."


@pytest.mark.parametrize("name", ["activation", "inhibition", "threshold"])
def test_one_row_is_the_reference_wherever_it_stands(root, name):
    table = ablation_table(study(root, f"ablation_{name}"))
    ours = values(table, "To reference Δ")[: len(study(root, f"ablation_{name}").cells)]
    assert ours.count(("ref.",)) == 1


def test_runs_that_failed_are_marked(root):
    rows = values(ablation_table(study(root, "ablation_activation")), "Activation", "Score (n)")
    assert [name for name, score in rows if "†3" in score] == ["selu"]


def test_the_same_function_as_lora_is_called_that(root):
    table = ablation_table(study(root, "ablation_inhibition"))
    named = [tuple(rest) for name, *rest in values(table, "Method", "Activation", "Inhibition") if name == "InA = LoRA"]
    assert named == [("identity", "0")] and any(note.startswith("InA = LoRA: ") for note in table.notes)


def test_each_rank_of_ina_is_set_against_lora_of_the_same_rank(root):
    found = study(root, "ablation_rank")
    for cell in ordered(found, "minilm", "stsb"):
        pairs = {against: one.b for against, one in differences(found, cell, "best").items()}
        name, _, rank = cell[2].partition("-")
        reference = {"": name} if rank else {}
        lora = {"lora_": "-".join(filter(None, ["lora", rank]))} if name == "ina" else {}
        assert pairs == reference | lora


def test_published_numbers_of_the_same_ablation_stand_below_with_their_source(root):
    table = ablation_table(study(root, "ablation_activation"))
    published = values(table, "Activation", "Score (n)", "To reference Δ")[4:]
    assert published[0] == ("gelu", "89.0", "ref.") and ("selu", "32.0", "−57.0") in published
    assert any("assets/activation-functions.jpg, VERIFIED" in note for note in table.notes)
    inhibition = ablation_table(study(root, "ablation_inhibition"))
    below = values(inhibition, "Method", "Activation", "Inhibition", "Score (n)", "Epoch")[6:]
    assert ("InA, released code", "leaky_relu", "0.9", "85.48", "last") in below
    assert ("giBERT, full-rank gate", "gelu", "0.3", "89.0", "best") in below


def test_every_arm_tells_its_learning_rate(tmp_path):
    for activation, rate in (("gelu", 8e-3), ("identity", 0.004)):
        write_run(tmp_path, experiment="ablation_activation", activation=activation, train={"learning_rate": rate})
    table = ablation_table(study(tmp_path, "ablation_activation"))
    ours, of_others = values(table, "Activation", "Learning rate")[:2], values(table, "Learning rate")[2:]
    assert ours == [("gelu", "0.008"), ("identity", "0.004")] and set(of_others) == {("–",)}


def test_where_nobody_published_anything_the_table_says_so(root):
    assert any("No published numbers" in note for note in ablation_table(study(root, "ablation_rank")).notes)


def test_the_csv_file_has_every_number_with_its_settings(root):
    data = ablation_table(study(root, "ablation_threshold")).data
    assert list(data["threshold"]) == ["token"] * 2 + ["tensor"] * 4
    assert set(data["selection"]) == {"best", "last"} and data["verdict"].notna().sum() == 4


def test_an_ablation_has_its_table_in_place_of_table_3(root):
    names = [table.name for table in documents.tables(study(root, "ablation_sites"))]
    assert names[0] == "ablation" and "scores" not in names


def test_the_figure_shows_the_last_epoch_of_every_cell_and_lora_as_a_band(root):
    figure = figures.figures_for(study(root, "ablation_inhibition"))["ablation"](study(root, "ablation_inhibition"))
    [axis] = figure.axes
    assert [label.get_text() for label in axis.get_xticklabels()] == ["0", "0.3", "0.9"]
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["InA, gelu", "InA, identity"]
    assert "which computes what LoRA does" in legend.get_title().get_text().replace("\n", " ")
    assert len(axis.patches) == 1
    drawn = sorted(value for bars in axis.containers for value in bars.lines[0].get_ydata())
    found = study(root, "ablation_inhibition")
    assert drawn == pytest.approx(sorted(100 * found.scores(key, "last").mean() for key in found.cells.index))
