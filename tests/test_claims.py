"""results/CLAIMS.md: parts between markers are filled from verdicts, and states follow the rules."""

import re
import shutil
from pathlib import Path

import pytest
from made_up import MODEL, write_levels, write_run, write_study

from ina.tables import claims, documents
from ina.tables.__main__ import main
from ina.tables.claims import claim_texts, comparisons
from ina.tables.frame import studies

DOCUMENT = Path(__file__).parent.parent / "results" / "CLAIMS.md"


def part(root: Path, name: str) -> str:
    return claim_texts(studies(root))[name]


def write_arms(root: Path, skills: dict[str, float], tasks=("sst2",), seeds=range(5), n=1000, **settings) -> None:
    for method, skill in skills.items():
        write_study(root, tasks=tasks, methods=(method,), seeds=seeds, skill=skill, n=n, **settings)


def test_every_part_stands_in_the_document_and_no_other_and_says_so_where_there_are_no_runs():
    names = re.findall(r"<!-- claim: ([^>]+) -->", DOCUMENT.read_text())
    assert sorted(names) == sorted(claim_texts([]))
    assert {text.strip(".\n").lower() for text in claim_texts([]).values()} == {"no runs of ours"}
    sections = re.split(r"^## \d\. ", DOCUMENT.read_text(), flags=re.M)[1:]
    assert len(sections) == 8
    for needed in ("| Evidence | On | What it shows |", "**State**: ", "**Would settle it**: "):
        assert all(needed in section for section in sections)


def test_the_verdicts_of_a_pair_stand_by_task_and_are_counted_by_model(tmp_path):
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9}, tasks=("sst2", "rte"))
    assert part(tmp_path, "glue against lora") == f"{MODEL}: 2 better at these rates"
    head, _, row = ([cell.strip() for cell in of.split("|")[1:-1]] for of in part(tmp_path, "glue").splitlines())
    assert head == ["Our runs", "Methods", "SST-2", "RTE", "Mean over tasks"]
    assert row[:2] == [f"{MODEL}, made_up, data source files", "InA (Inh 0.3) − LoRA"]
    assert all(re.fullmatch(r"\+\d+\.\d / \+\d+\.\d better at these rates", cell) for cell in row[2:])


def test_where_ina_is_worse_it_shows_no_gain(tmp_path):
    write_arms(tmp_path, {"full": 0.9, "ina": 0.5})
    assert part(tmp_path, "glue against full") == f"{MODEL}: 1 worse at these rates"
    assert part(tmp_path, "no gain") == f"{MODEL}: 1 worse at these rates"


def test_runs_on_generated_data_and_of_each_model_are_counted_apart(tmp_path):
    for source, model in (("files", "minilm"), ("probe", "minilm"), ("files", "bert_large")):
        write_arms(tmp_path, {"lora": 0.5, "ina": 0.9}, source=source, model=model)
    words = "1 better at these rates"
    expected = {f"{scale}: {words}" for scale in (MODEL, f"{MODEL} on generated data", "BERT-large")}
    assert set(part(tmp_path, "glue against lora").split("; ")) == expected


@pytest.mark.parametrize("small", [(500, 6, 28), (1000, 4, 28), (1000, 5, 20)], ids=["examples", "seeds", "older"])
def test_of_two_studies_of_a_pair_the_one_with_more_examples_then_seeds_then_the_newer_counts(tmp_path, small):
    for experiment, skills, (n, seeds, day) in (("a", (0.5, 0.9), (1000, 5, 23)), ("b", (0.9, 0.5), small)):
        arms = dict(zip(("lora", "ina"), skills, strict=True))
        finished = f"2026-11-{day}T05:53:00+00:00"
        write_arms(tmp_path, arms, seeds=range(seeds), n=n, experiment=experiment, finished=finished)
    assert part(tmp_path, "glue against lora").endswith(": 1 better at these rates")
    assert part(tmp_path, "no gain") == f"{MODEL}: 1 better at these rates"
    assert "better at these rates" in part(tmp_path, "glue") and "worse at these rates" in part(tmp_path, "glue")


def test_growth_of_a_lead_and_the_lead_itself_are_counted_apart(tmp_path):
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9}, tasks=("squad_v1",))
    for method in ("lora", "ina"):
        for seed in range(6):
            write_levels(tmp_path, method, seed, (0, 2, 4), 0.1, experiment="levels")
    assert part(tmp_path, "squad_v1 against lora") == f"{MODEL}: 1 better at these rates"
    assert part(tmp_path, "growth with inhibition against lora") != "no runs of ours"


def test_a_study_at_another_rate_is_no_evidence_of_its_own(tmp_path):
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9})
    write_arms(tmp_path, {"lora": 0.9, "ina": 0.5}, seeds=range(6), experiment="made_up_lower_rate")
    assert part(tmp_path, "no gain") == f"{MODEL}: 1 depends on the rate"
    assert "lower_rate" not in part(tmp_path, "glue")


def test_no_claim_rests_on_an_interim_study(tmp_path):
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9}, experiment="glue_base")
    assert part(tmp_path, "glue against lora") == "no runs of ours"
    [study] = studies(tmp_path)
    [shown] = [table for table in documents.tables(study) if table.name == "verdicts"]
    assert any(note.startswith("Interim: ") for note in shown.notes)


def test_a_verdict_counts_only_where_best_and_last_epoch_agree(tmp_path, monkeypatch):
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9})
    found = studies(tmp_path)
    assert list(comparisons(found)["verdict"]) == ["better"]
    mixed = claims.verdicts(found[0]).assign(verdict=["better", "worse"])
    monkeypatch.setattr(claims, "verdicts", lambda study: mixed)
    assert list(comparisons(found)["verdict"]) == ["undecided"]


def test_activations_are_judged_against_plain_ina_where_nothing_else_differs(tmp_path):
    for skill, changed in ((0.9, {}), (0.5, {"activation": "relu"}), (0.5, {"activation": "relu", "inhibition": 0.9})):
        for seed in range(5):
            write_run(tmp_path, task="sst2", method="ina", seed=seed, skill=skill, n=1000, **changed)
    assert part(tmp_path, "activations against ina") == f"{MODEL}: 1 worse at these rates"


def test_the_command_fills_the_document_check_finds_it_stale_and_an_unknown_part_is_refused(tmp_path):
    write_run(tmp_path)
    path = tmp_path / "CLAIMS.md"
    shutil.copy(DOCUMENT, path)
    main(["--results", str(tmp_path)])
    text = path.read_text()
    assert "21 undecided" not in text and "no runs of ours" in text and "BERT-large + InA reaches MCC 65.9" in text
    path.write_text(text.replace("no runs of ours", "many runs of ours"))
    with pytest.raises(SystemExit, match="CLAIMS.md is out of date"):
        main(["--results", str(tmp_path), "--check"])
    path.write_text("<!-- claim: nope --><!-- /claim -->")
    with pytest.raises(ValueError, match="CLAIMS.md: there is no part of the claims 'nope'; there are glue, "):
        documents.filled(path, {}, claim_texts([]))
