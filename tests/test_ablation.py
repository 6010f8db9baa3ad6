"""Tables and figures of ablations: settings in order, differences with verdicts, published numbers below."""

from pathlib import Path

import numpy as np
import pytest
from made_up import write_run, write_study

from ina import figures
from ina.tables import documents
from ina.tables.ablation import ablation_table, varied
from ina.tables.study import Study, studies
from ina.tables.table import Table


def grid(root: Path, experiment: str, *settings: dict, method: str = "ina", task: str = "stsb", skill=0.8) -> None:
    for changed in settings:
        write_study(root, (task,), (method,), experiment=experiment, skill=skill, **changed)


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, Study]:
    """The ablations by the setting that they vary."""
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
    return {study.experiment.removeprefix("ablation_"): study for study in studies(root)}


def values(table: Table, *titles: str) -> list[tuple[str, ...]]:
    return [tuple(row) for row in table.shown[list(titles)].to_numpy()]


def test_an_ablation_has_its_table_in_place_of_table_3(found, tmp_path):
    assert [table.name for table in documents.tables(found["sites"])] == ["ablation", "verdicts"]
    write_run(tmp_path, experiment="glue_mini")
    [other] = studies(tmp_path)
    assert found["sites"].is_ablation and not other.is_ablation


def test_a_setting_that_differs_only_between_tasks_does_not_count_as_varied(found, tmp_path):
    assert {name: varied(study) for name, study in found.items()} == {
        "activation": ("activation",),
        "inhibition": ("activation", "inhibition"),
        "rank": ("r",),
        "sites": ("sites",),
        "threshold": ("threshold", "detach_threshold"),
    }
    grid(tmp_path, "ablation_activation", {"r": 8}, {"r": 8, "activation": "relu"}, task="stsb")
    grid(tmp_path, "ablation_activation", {"r": 4}, {"r": 4, "activation": "relu"}, task="cola")
    assert varied(studies(tmp_path)[0]) == ("activation",)


def test_rows_are_in_the_order_of_their_settings(found):
    ranks = values(ablation_table(found["rank"]), "Method", "Rank")
    assert ranks == [(method, rank) for method in ("LoRA", "InA") for rank in ("2", "8", "16")]
    sites = [value for (value,) in values(ablation_table(found["sites"]), "Sites")]
    assert sites == ["query", "key", "query+key", "query+key+value", "all"]
    levels = values(ablation_table(found["inhibition"]), "Activation", "Inhibition")[:6]
    assert levels == [(f, level) for f in ("gelu", "identity") for level in ("0", "0.3", "0.9")]


def test_a_row_has_the_mean_of_its_runs_and_its_difference_to_the_reference(found):
    study = found["activation"]
    rows = {
        name: rest for name, *rest in values(ablation_table(study), "Activation", "Score (n)", "To reference Δ")[:4]
    }
    relu, gelu = (100 * study.scores(("minilm", "stsb", name), "last") for name in ("ina-activationrelu", "ina"))
    difference = f"{np.mean(relu - gelu):+.1f}".replace("-", "−")
    assert rows["relu"] == [f"{relu.mean():.1f} ± {relu.std(ddof=1):.1f} (3)", difference]
    assert [name for name, (score, _) in rows.items() if "†3" in score] == ["selu"]
    assert [name for name, (_, difference) in rows.items() if difference == "ref."] == ["gelu"]


def test_a_setting_that_computes_what_lora_does_is_marked(found):
    table = ablation_table(found["inhibition"])
    named = [tuple(rest) for name, *rest in values(table, "Method", "Activation", "Inhibition") if name == "InA = LoRA"]
    assert named == [("identity", "0")] and any(note.startswith("InA = LoRA: ") for note in table.notes)


def test_each_rank_is_compared_with_the_default_and_ina_with_lora_of_the_same_rank(found):
    table = ablation_table(found["rank"])
    data = table.data.query("selection == 'best'").set_index("method").astype(object)
    usual = {"ina-r2": "ina", "ina-r16": "ina", "lora-r2": "lora", "lora-r16": "lora"}
    assert data["against"].dropna().to_dict() == usual
    like = {"ina": "lora", "ina-r2": "lora-r2", "ina-r16": "lora-r16"}
    assert data["lora_against"].dropna().to_dict() == like
    assert any("No published numbers" in note for note in table.notes)


def test_published_numbers_of_the_same_ablation_stand_below_with_their_source(found):
    table = ablation_table(found["activation"])
    published = values(table, "Activation", "Score (n)", "To reference Δ")[4:]
    assert published[0] == ("gelu", "89.0", "ref.") and ("selu", "32.0", "−57.0") in published
    assert any("assets/activation-functions.jpg, VERIFIED" in note for note in table.notes)
    inhibition = ablation_table(found["inhibition"])
    below = values(inhibition, "Method", "Activation", "Inhibition", "Score (n)", "Epoch")[6:]
    assert ("InA, released code", "leaky_relu", "0.9", "85.48", "last") in below
    assert ("giBERT, full-rank gate", "gelu", "0.3", "89.0", "best") in below


def test_every_row_shows_its_learning_rate(tmp_path):
    for activation, rate in (("gelu", 8e-3), ("identity", 0.004)):
        write_run(tmp_path, experiment="ablation_activation", activation=activation, train={"learning_rate": rate})
    table = ablation_table(studies(tmp_path)[0])
    ours, of_others = values(table, "Activation", "Learning rate")[:2], values(table, "Learning rate")[2:]
    assert ours == [("gelu", "0.008"), ("identity", "0.004")] and set(of_others) == {("–",)}


def test_the_csv_file_has_every_number_with_its_settings(found):
    data = ablation_table(found["threshold"]).data
    assert list(data["threshold"]) == ["token"] * 2 + ["tensor"] * 4
    assert set(data["selection"]) == {"best", "last"} and data["verdict"].notna().sum() == 4


def test_the_figure_shows_the_last_epoch_of_every_cell_and_says_which_is_lora(found):
    study = found["inhibition"]
    [chart] = figures.figures_for(study)["ablation"]().charts
    rows = chart.spec["data"]["values"]
    expected = {study.label(model=key[0], method=key[2]): 100 * study.scores(key, "last").mean() for key in study.cells}
    assert {row["label"].removesuffix(" = LoRA"): row["value"] for row in rows} == pytest.approx(expected)
    assert [row["label"] for row in rows if "LoRA" in row["label"]] == ["InA (Inh 0, identity) = LoRA"]
    assert [row["label"] for row in rows if row["word"] == "reference"] == ["InA (Inh 0.3)"]
