"""results/CLAIMS.md: the parts between markers are our verdicts by topic."""

import re
import shutil
from pathlib import Path

import pytest
from made_up import MODEL, write_arms, write_levels, write_run, write_study

from ina.tables import documents
from ina.tables.__main__ import main
from ina.tables.claims import claim_texts
from ina.tables.study import studies
from ina.tables.verdicts import verdicts

DOCUMENT = Path(__file__).parent.parent / "results" / "CLAIMS.md"


def part(root: Path, topic: str) -> list[list[str]]:
    """The cells of a topic's table, column titles first; empty if there are no runs."""
    lines = [line for line in claim_texts(studies(root))[topic].splitlines() if "---" not in line]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]


def test_every_part_stands_in_the_document_and_no_other_and_says_so_where_there_are_no_runs():
    names = re.findall(r"<!-- claim: ([^>]+) -->", DOCUMENT.read_text())
    assert sorted(names) == sorted(claim_texts([]))
    assert set(claim_texts([]).values()) == {"No runs of ours with 3 seeds or more.\n"}
    sections = re.split(r"^## \d\. ", DOCUMENT.read_text(), flags=re.M)[1:]
    assert len(sections) > 1
    for needed in ("| Evidence | On | What it shows |", "**State**: ", "**Would settle it**: "):
        assert all(needed in section for section in sections)


def test_the_verdicts_of_a_pair_stand_by_task_with_their_intervals(tmp_path):
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9}, tasks=("sst2", "rte"))
    head, row = part(tmp_path, "glue")
    assert head == ["Our runs", "Methods", "SST-2", "RTE", "Mean over tasks"]
    assert row[:2] == [f"{MODEL}, [made_up](tables/made_up-files/verdicts.md)", "InA (Inh 0.3) − LoRA"]
    last = verdicts(studies(tmp_path)[0]).query("selection == 'last'").set_index("task")
    for cell, task in zip(row[2:], ("sst2", "rte", "mean"), strict=True):
        difference, low, high = last.loc[task, ["difference", "simultaneous_low", "simultaneous_high"]]
        assert cell == f"{difference:+.1f} [{low:.1f}, {high:.1f}] better at these rates"


def test_two_seeds_are_no_evidence(tmp_path):
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9}, seeds=range(2))
    assert part(tmp_path, "glue") == []
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9}, seeds=range(2, 3))
    assert len(part(tmp_path, "glue")) == 2, "the titles and one pair"


def test_comparisons_with_lora_come_before_those_with_full_fine_tuning(tmp_path):
    for experiment in ("a", "b"):
        write_arms(tmp_path, {"full": 0.9, "lora": 0.5, "ina": 0.5}, experiment=experiment)
    seconds = [row[1].partition(" − ")[2] for row in part(tmp_path, "glue")[1:]]
    assert seconds == ["LoRA", "LoRA", "Full fine-tuning", "Full fine-tuning"]


def test_irrelevant_sentences_have_columns_by_task_and_any_method_counts_in_claims_on_activations(tmp_path):
    for task in ("squad_v1", "squad_v2"):
        for method in ("lora", "ina"):
            for seed in range(3):
                write_levels(tmp_path, method, seed, (0, 2, 4), 0.1, task=task, experiment="levels")
    assert part(tmp_path, "irrelevant")[0][2:] == [
        f"SQuAD {version}: {name}" for name in ("F1 with 2", "Growth") for version in ("v1.1", "v2.0")
    ]
    for activation in ("gelu", "relu"):
        write_study(tmp_path, ("cola",), ("gate",), activation=activation)
    assert part(tmp_path, "activations")


def test_a_study_at_another_rate_is_no_evidence_of_its_own(tmp_path):
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9})
    write_arms(tmp_path, {"lora": 0.9, "ina": 0.5}, seeds=range(6), experiment="made_up_lower_rate")
    [row] = part(tmp_path, "glue")[1:]
    assert "[made_up]" in row[0] and row[2].endswith("depends on the rate")


def test_no_claim_rests_on_an_interim_study(tmp_path, monkeypatch):
    monkeypatch.setattr("ina.tables.study.study_settings", lambda name: {"interim": True})
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9})
    assert part(tmp_path, "glue") == []
    [study] = studies(tmp_path)
    [shown] = [table for table in documents.tables(study) if table.name == "verdicts"]
    assert any(note.startswith("Interim: ") for note in shown.notes)


@pytest.mark.parametrize(("is_interim", "shown"), [(True, "[distractors]"), (False, "[facts]")])
def test_a_study_that_a_finished_one_replaces_is_no_evidence(tmp_path, monkeypatch, is_interim, shown):
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9}, experiment="distractors")
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.5}, experiment="facts")
    roles = {"distractors": {"replaced_by": "facts"}, "facts": {"interim": is_interim}}
    monkeypatch.setattr("ina.tables.study.study_settings", lambda name: roles.get(name, {}))
    [row] = part(tmp_path, "glue")[1:]
    assert shown in row[0]


def test_activations_are_judged_against_plain_ina_where_nothing_else_differs(tmp_path):
    for skill, changed in ((0.9, {}), (0.5, {"activation": "relu"}), (0.5, {"activation": "relu", "inhibition": 0.9})):
        write_arms(tmp_path, {"ina": skill}, **changed)
    [row] = part(tmp_path, "activations")[1:]
    assert row[1] == "InA (Inh 0.3, relu) − InA (Inh 0.3)" and row[2].endswith("worse at these rates")


def test_the_command_fills_the_document_check_finds_it_stale_and_an_unknown_part_is_refused(tmp_path):
    write_run(tmp_path)
    path = tmp_path / "CLAIMS.md"
    shutil.copy(DOCUMENT, path)
    main(["--results", str(tmp_path)])
    text = path.read_text()
    assert "undecided |" not in text and "No runs of ours" in text and "BERT-large + InA reaches MCC 65.9" in text
    path.write_text(text.replace("No runs of ours", "Many runs of ours"))
    with pytest.raises(SystemExit, match="CLAIMS.md is out of date"):
        main(["--results", str(tmp_path), "--check"])
    path.write_text("<!-- claim: nope --><!-- /claim -->")
    with pytest.raises(ValueError, match="CLAIMS.md: there is no claim 'nope'; there are glue, "):
        documents.filled(path, {}, claim_texts([]))
