"""Scores by number of distractors: measured on the same questions, and whether an advantage grows."""

import shutil

import numpy as np
import pytest
from made_up import write_levels, write_run

from ina import figures
from ina.tables import claims, distractors, documents
from ina.tables.study import Study, studies

LEVELS = (0, 1, 2, 4, 8)
NONE = "ina-inhibition0.0"
# how much F1 each arm loses with every step to more distractors
ARMS = {"lora": (("lora", {}), 0.15), "without": (("ina", {"inhibition": 0.0}), 0.15), "with": (("ina", {}), 0.05)}


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    root = tmp_path_factory.mktemp("distractors")
    for (method, changed), loss in ARMS.values():
        for seed in (1, 2, 3):
            write_levels(root, method, seed, LEVELS, loss, **changed)
    [found] = studies(root, "distractors")
    return found


def growth(study: Study) -> dict[tuple[str, str], dict]:
    found = distractors.advantages(study).query("distractors == 'growth'")
    return {(one["a"], one["b"]): one for one in found.to_dict("records")}


def test_the_levels_of_a_study_are_the_numbers_of_distractors_that_all_its_runs_share(study, tmp_path):
    assert distractors.levels(study) == LEVELS
    write_run(tmp_path, task="squad_v1", experiment="squad_mini")
    [single] = studies(tmp_path)
    assert distractors.levels(single) == ()
    write_levels(tmp_path, "lora", 1, (2, 4), 0.1, experiment="more_alone")
    [more_alone] = studies(tmp_path, "more_alone")
    assert distractors.levels(more_alone) == ()


def test_f1_with_a_number_of_distractors_is_computed_on_its_split(study):
    found = distractors.f1(study, ("minilm", "squad_v1", "lora"))
    for level in LEVELS:
        split = "validation" if level == 2 else f"validation_d{level}"
        frames = [study.predictions(f"minilm--squad_v1--lora--s{seed}") for seed in (1, 2, 3)]
        expected = [frame[frame["split"] == split]["last_f1"].mean() for frame in frames]
        np.testing.assert_allclose(found[level].scores, expected)


def test_questions_on_one_paragraph_are_resampled_together_with_any_number_of_distractors(study):
    found = distractors.f1(study, ("minilm", "squad_v1", "lora"))
    assert {scores.clusters for scores in found.values()} == {300 / 4}


def test_growth_is_the_advantage_with_more_distractors_minus_that_with_fewer(study):
    found = distractors.advantages(study).query("a == 'ina' and b == 'lora'")["value"]
    fewer_0, fewer_1, _, more_4, more_8, grown = found
    assert grown == pytest.approx((more_4 + more_8) / 2 - (fewer_0 + fewer_1) / 2)
    assert grown == pytest.approx(10 * 3, abs=3)
    verdicts = {pair: one["verdict"] for pair, one in growth(study).items()}
    assert verdicts == {("ina", "lora"): "better", ("ina", NONE): "better", (NONE, "lora"): "equivalent"}


def test_an_advantage_that_does_not_hold_at_a_neighbouring_rate_depends_on_the_rate(study, tmp_path):
    shutil.copytree(study.root, tmp_path, dirs_exist_ok=True)
    found = []
    for seed in (1, 2, 3):  # LoRA loses as little as InA does
        settings = {"experiment": "distractors_lower_rate", "train": {"learning_rate": 1e-5}}
        write_levels(tmp_path, "lora", seed, LEVELS, 0.05, **settings)
        found.append(growth(*studies(tmp_path, "distractors"))["ina", "lora"])
    assert [one["verdict"] for one in found] == ["better", "better", "depends on the rate"], "once all seeds are there"
    assert "stays with LoRA at 1e−05 instead of" in found[2]["remark"]
    write_levels(tmp_path, "lora", 4, LEVELS, 0.15)
    write_levels(tmp_path, "ina", 4, LEVELS, 0.05)
    without_one = growth(*studies(tmp_path, "distractors"))["ina", "lora"]
    assert without_one["verdict"] == "depends on the rate" and "(3 of 4 runs)" in without_one["remark"]
    alone = growth(*studies(tmp_path, "distractors"))["ina", NONE]
    assert alone["remark"] == growth(study)["ina", NONE]["remark"]  # no arm of it has runs at another rate


def test_growth_is_judged_for_ina_against_lora_and_against_no_inhibition(tmp_path):
    for method in ("lora", "ina_p0", "ina_identity", "ina"):
        for seed in (1, 2, 3):
            write_levels(tmp_path, method, seed, LEVELS, 0.1)
    pairs = set(growth(*studies(tmp_path, "distractors")))
    assert pairs == {("ina", "lora"), ("ina", "ina_p0"), ("ina_p0", "lora"), ("ina_identity", "lora")}


def test_two_failures_are_not_two_equal_methods(tmp_path):
    for method in ("lora", "ina"):
        for seed in (1, 2, 3):
            write_levels(tmp_path, method, seed, LEVELS, 0.0)
    for path in tmp_path.glob("runs/*/*/*.json"):
        path.write_text(path.read_text().replace('"degenerate": false', '"degenerate": true'))
    [found] = studies(tmp_path, "distractors")
    assert {one["verdict"] for one in growth(found).values()} == {"undecided"}


def test_dev_examples_are_counted_for_one_number_of_distractors(study):
    shown = documents.tables(study)[1].shown
    assert set(shown.loc[shown["Method"] == "dev examples", "v1.1 F1"]) == {"120"}


def test_the_table_comes_first_and_has_a_column_for_each_number_of_distractors(study):
    table = documents.tables(study)[0]
    assert [name for name in table.shown if name.startswith("Dis")] == [f"Distractors {level}" for level in LEVELS]
    words = table.shown.set_index("Method")["Advantage"].dropna().to_dict()
    assert words["InA (Inh 0.3) − LoRA"] == "grows at these rates"
    assert words["InA (Inh 0) − LoRA"] == "stays at these rates"
    assert len(table.data) == 3 * 5 + 3 * 6


def test_the_table_ends_with_the_differences_to_a_method_at_a_neighbouring_rate(tmp_path):
    for seed in range(3):
        write_levels(tmp_path, "ina", seed, LEVELS, 0.05)
        write_levels(tmp_path, "lora", seed, LEVELS, 0.10)
        write_levels(
            tmp_path, "lora", seed, LEVELS, 0.05, experiment="distractors_lower_rate", train={"learning_rate": 1e-4}
        )
    [found] = studies(tmp_path, "distractors")
    shown = documents.tables(found)[0].shown
    own, lower = shown[shown["Method"] == "InA (Inh 0.3) − LoRA"].to_dict("records")
    assert lower["section"].endswith(": differences, LoRA at 0.0001 instead of 0.001")
    assert float(own["Distractors 8"].split()[0]) > 10 > abs(float(lower["Distractors 8"].split()[0].replace("−", "-")))


def test_the_figure_draws_scores_of_all_methods_leads_over_lora_and_their_growth(study):
    charts = figures.figures_for(study)["distractors"]().charts
    scores, gains, growth = (chart.spec["data"]["values"] for chart in charts)
    assert (len(scores), len(gains)) == (3 * len(LEVELS), 2 * len(LEVELS))
    assert [round(row["x"]) for row in scores[: len(LEVELS)]] == list(range(len(LEVELS)))
    assert all(len(row["seeds"]) == 3 for row in gains)  # paired
    assert charts[0].spec["layer"][0]["encoding"] == {"x": {"datum": LEVELS.index(2)}}  # the number in training
    words = {row["label"]: row["word"] for row in growth}
    assert words["InA (Inh 0.3) − LoRA"] == "grows at these rates"
    assert words["InA (Inh 0) − LoRA"] == "stays at these rates"


def test_claims_list_leads_among_distractors_and_their_growth_apart_from_plain_squad(study):
    parts = claims.claim_texts([study])
    assert parts["squad_v1"] == "No runs of ours with 3 seeds or more.\n"
    head, _, *lines = parts["irrelevant"].splitlines()
    assert [cell.strip() for cell in head.split("|")[3:-1]] == ["F1 with 2", "Growth"]
    rows = {line.split("|")[2].strip(): line for line in lines}
    assert list(rows) == ["InA (Inh 0.3) − LoRA", "InA (Inh 0) − LoRA", "InA (Inh 0.3) − InA (Inh 0)"]
    words = [line.rstrip(" |").rpartition("] ")[2] for line in rows.values()]
    assert words == ["grows at these rates", "stays at these rates", "grows at these rates"]
