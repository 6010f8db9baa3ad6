"""results/published: numbers of others, well-formed, unambiguous and true to their sources."""

import re
from pathlib import Path

import pandas as pd
import pytest

from ina.tables import published

FOLDER = Path(__file__).parent.parent / "results" / "published"
COLUMNS = (
    "value std metric model checkpoint task method inhibition params split selection seeds beside source status note"
).split()
OWN_COLUMNS = {"activation_ablation": ["activation"], "epoch_curves": ["epoch"]}
NUMBERS = ["value", "std", "inhibition", "seeds", "epoch"]
NAMES = {
    "model": {"bert_large", "roberta_large", "deberta_large", "deberta_v3_large", "deberta_v3_base"},
    "method": {
        *("full", "lora", "ina", "ina_released", "gate", "gate_key"),
        *("adapter_houlsby", "adapter_pfeiffer", "bitfit", "adalora"),
    },
    "split": {"dev", "test"},
    "selection": {"last", "best", "lowest_loss", "epoch", "unknown"},
    "beside": {"published", "released", ""},
    "status": {"VERIFIED", "VERIFIED (digitised)", "COMPUTED", "DIGEST", "FROM MEMORY"},
    "inhibition": {"", "0.0", "0.1", "0.3", "0.9"},
    "activation": {"gelu", "selu", "elu", "leaky_relu", "relu"},
}
# metric names for means over tasks, and for sources that do not say which of two metrics they report
OTHER_METRICS = {("stsb", "correlation"), ("mnli", "accuracy"), ("glue", "average")}
CLAIMS = (FOLDER.parent / "CLAIMS.md").read_text()
FILES = sorted(path.stem for path in FOLDER.glob("*.csv"))


def read(name: str) -> pd.DataFrame:
    """A file with every cell as text."""
    return pd.read_csv(FOLDER / f"{name}.csv", dtype=str, keep_default_na=False)


def values(name: str, **where) -> pd.Series:
    table = read(name)
    for column, wanted in where.items():
        table = table[table[column] == wanted]
    return table.set_index("task")["value"].astype(float)


def test_every_file_is_described_in_the_readme_and_no_other_is():
    described = {
        line.split("`")[1] for line in (FOLDER / "README.md").read_text().splitlines() if line.startswith("| `")
    }
    assert {f"{name}.csv" for name in FILES} == {name for name in described if name.endswith(".csv")}


@pytest.mark.parametrize("name", FILES)
def test_every_number_has_documented_names_and_a_source_stands_once_and_is_verified_if_it_stands_beside_ours(name):
    table = read(name)
    assert sorted(table.columns) == sorted(COLUMNS + OWN_COLUMNS.get(name, []))
    assert table["value"].astype(float).between(0, 100).all()
    for column in set(NUMBERS) & set(table):
        assert pd.to_numeric(table.loc[table[column] != "", column], errors="coerce").notna().all(), column
    for column in set(NAMES) & set(table):
        assert set(table[column]) <= NAMES[column], column
    assert set(zip(table["task"], table["metric"], strict=True)) <= set(published.COLUMNS) | OTHER_METRICS
    assert (table["source"].str.len() > 10).all()
    assert not table.duplicated([column for column in table if column not in ("value", "std", "note", "status")]).any()
    shown = table.query("beside != ''")
    assert not shown.duplicated(["beside", "model", "task", "metric", "method", "inhibition"]).any()
    assert set(shown["status"]) <= {"VERIFIED", "DIGEST"}


@pytest.mark.parametrize(
    ("file", "where", "expected"),
    [  # numbers that no average below would catch
        ("glue", {"beside": "released", "inhibition": "0.9", "task": "stsb", "metric": "spearman"}, 85.69),
        ("glue", {"beside": "released", "inhibition": "0.1", "task": "mnli", "metric": "accuracy_mismatched"}, 85.23),
        ("glue", {"beside": "published", "model": "bert_large", "method": "full", "task": "cola"}, 60.6),
        ("glue", {"beside": "published", "model": "roberta_large", "method": "full", "task": "qnli"}, 94.7),
        ("glue", {"beside": "published", "model": "deberta_v3_large", "task": "cola"}, 75.3),
        ("glue", {"method": "gate_key", "model": "deberta_v3_large", "task": "rte", "selection": "best"}, 91.34),
        ("squad", {"model": "roberta_large", "beside": "published", "metric": "exact", "task": "squad_v2"}, 86.5),
        ("squad", {"method": "adalora", "params": "0.65%", "task": "squad_v2", "metric": "f1"}, 88.9),
        ("swag", {"model": "bert_large", "split": "dev"}, 86.6),
        ("epoch_curves", {"method": "full", "task": "squad_v1", "epoch": "3"}, 91.1),
    ],
)
def test_single_numbers_are_those_of_their_sources(file, where, expected):
    assert values(file, **where).tolist() == [expected]


@pytest.mark.parametrize(
    ("method", "inhibition"), [("full", ""), *(("gate", level) for level in ("0.0", "0.1", "0.3", "0.9"))]
)
def test_the_precursors_curves_are_complete_and_their_averages_follow_from_the_points(method, inhibition):
    table = read("epoch_curves").query("method == @method and inhibition == @inhibition").astype({"value": float})
    points = table.query("status == 'VERIFIED (digitised)'")
    assert points.groupby("task")["epoch"].agg(" ".join).tolist() == ["1 2 3 4 5"] * 11
    points = points.query("task not in ('squad_v1', 'squad_v2', 'swag')")
    averages = table.query("status == 'COMPUTED'").set_index("selection")["value"]
    expected = {
        "best": points.groupby("task")["value"].max().mean(),
        "epoch": points.query("epoch == '5'")["value"].mean(),
    }
    assert averages.to_dict() == pytest.approx(expected, abs=0.0051)


@pytest.mark.parametrize(
    ("activation", "mean"), [("gelu", None), ("leaky_relu", None), ("relu", None), ("selu", 52.18)]
)
def test_averages_of_the_activation_table_follow_from_its_entries_but_for_one_that_is_marked(activation, mean):
    column = values("activation_ablation", activation=activation)
    assert column.drop("glue").mean() == pytest.approx(mean or column["glue"], abs=0.0051)
    note = read("activation_ablation").query("task == 'glue' and activation == @activation")["note"].item()
    assert ("52.18" in note) == (activation == "selu") and (activation != "selu" or column["glue"] == 44.41)


def test_the_gelu_column_equals_the_best_epochs_of_the_precursor_at_30_percent():
    gelu = values("activation_ablation", activation="gelu").drop("glue")
    curve = values("epoch_curves", method="gate", inhibition="0.3", status="VERIFIED (digitised)")
    assert gelu.to_dict() == curve.groupby(level=0).max()[gelu.index].to_dict()


@pytest.mark.parametrize("source", ["arXiv:2106.09685 Table 2", "arXiv:2303.10512 Table 1"])
def test_printed_averages_of_lora_and_adalora_follow_from_their_entries(source):
    table = read("glue").astype({"value": float})
    table = table[table["source"].str.startswith(source) & (table["method"] != "full")]
    assert len(table)
    for _, block in table.groupby(["source", "method", "params"]):
        by_task = block.groupby("task")["value"].mean()  # two metrics of a task count as their mean
        assert len(by_task) == 9 and by_task.drop("glue").mean() == pytest.approx(by_task["glue"], abs=0.051)


def test_the_precursors_baselines_are_its_scores_minus_its_reported_gains():
    gate = values("glue", method="gate", model="deberta_v3_large")
    own = values("glue", method="full", model="deberta_v3_large", status="COMPUTED")
    gains = (gate[own.index] - own).round(1).to_dict()
    assert gains == {"cola": 4.2, "stsb": 0.6, "qnli": 0.6, "mrpc": 2.4}


# the numbers of others that results/CLAIMS.md has in its text


def test_what_the_claims_say_of_released_runs_follows_from_the_files():
    text = CLAIMS.replace("−", "-")
    table = read("glue").query("beside == 'released' and model == 'bert_large' and task != 'wnli'")
    table = table.query("metric not in ('f1', 'spearman', 'accuracy_mismatched')").astype({"value": float})
    scores = table.pivot_table("value", "task", "inhibition")
    for level in ("0.1", "0.3", "0.9"):
        less = (scores[level] - scores["0.0"]).dropna()
        found = rf"ahead on {(less > 0).sum()} of {len(less)} tasks.*, mean difference {less.mean():.2f}\b"
        assert re.search(rf"InA \(Inh {level}\) - LoRA: {found}", text), found
    for metric, threshold in (("best_f1", "best"), ("f1", "fixed")):
        f1 = values("squad", beside="released", model="roberta_large", metric=metric).to_numpy()
        less = ", ".join(
            f"{of - f1[0]:+.2f} at {level}" for of, level in zip(f1[1:], ("0.1", "0.3", "0.9"), strict=True)
        )
        assert f"F1 at the {threshold} no-answer threshold: LoRA {f1[0]:.2f}; InA - LoRA {less}" in text


def test_the_published_claims_stand_in_the_document_as_they_stand_in_the_files():
    [cola] = values("glue", method="ina", task="cola", status="DIGEST")
    f1, exact = (values("squad", method="ina", metric=metric, status="DIGEST").item() for metric in ("f1", "exact"))
    assert f"BERT-large + InA reaches MCC {cola} on CoLA" in CLAIMS
    assert f"BERT-large + InA reaches F1/EM {f1}/{exact} on SQuAD v1.1" in CLAIMS
    assert values("epoch_curves", task="cola", method="gate", inhibition="0.3").max() == cola
    collapsed = read("activation_ablation").query("note.str.contains('majority-class')")
    assert collapsed.groupby("activation").size().to_dict() == {"elu": 2, "selu": 5}
