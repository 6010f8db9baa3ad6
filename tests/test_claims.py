"""results/CLAIMS.md: parts between markers are filled from verdicts, and states follow the rules."""

import re
import shutil
from pathlib import Path

import pytest
from made_up import MODEL, write_run, write_study

from ina.tables import documents
from ina.tables.__main__ import main
from ina.tables.claims import comparisons, parts
from ina.tables.frame import studies

DOCUMENT = Path(__file__).parent.parent / "results" / "CLAIMS.md"
SEEDS = range(5)


def part(root: Path, name: str) -> str:
    return parts(studies(root))[name]


def write_arms(root: Path, skills: dict[str, float], tasks=("sst2", "rte"), seeds=SEEDS, n=1000, **settings) -> None:
    for method, skill in skills.items():
        write_study(root, tasks=tasks, methods=(method,), seeds=seeds, skill=skill, n=n, **settings)


def test_all_eight_claims_have_evidence_a_state_and_what_would_settle_them():
    sections = re.split(r"^## \d\. ", DOCUMENT.read_text(), flags=re.M)[1:]
    assert len(sections) == 8
    for section in sections:
        assert "| Evidence | On | What it shows |" in section
        assert "**State**: " in section and "**Would settle it**: " in section


def test_every_part_stands_in_the_document_and_no_other():
    names = re.findall(r"<!-- claim: ([^>]+) -->", DOCUMENT.read_text())
    assert sorted(names) == sorted(parts([]))


def test_without_runs_of_ours_every_part_says_so():
    assert all(text.strip(".\n").lower() in ("no runs of ours", "0 of our 0") for text in parts([]).values())


def test_the_verdicts_of_a_pair_stand_by_task_and_are_counted_by_model(tmp_path):
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9})
    assert part(tmp_path, "glue against lora") == f"{MODEL}: 2 better at these rates"
    head, _, row = part(tmp_path, "glue").splitlines()
    assert [cell.strip() for cell in head.split("|")[1:-1]] == [
        "Our runs", "Methods", "SST-2", "RTE", "Mean over tasks",
    ]  # fmt: skip
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[:2] == [f"{MODEL}, made_up, data source files", "InA (Inh 0.3) − LoRA"]
    assert all(re.fullmatch(r"\+\d+\.\d / \+\d+\.\d better at these rates", cell) for cell in cells[2:])


def test_where_ina_is_worse_it_shows_no_gain(tmp_path):
    write_arms(tmp_path, {"full": 0.9, "ina": 0.5})
    assert part(tmp_path, "glue against full") == f"{MODEL}: 2 worse at these rates"
    assert part(tmp_path, "no gain") == "2 of our 2"


def test_runs_on_generated_data_are_counted_apart(tmp_path):
    for source in ("files", "probe"):
        write_arms(tmp_path, {"lora": 0.5, "ina": 0.9}, model="bert_large", source=source)
    expected = "BERT-large: 2 better at these rates; BERT-large on generated data: 2 better at these rates"
    assert part(tmp_path, "glue against lora") == expected


@pytest.mark.parametrize("small", [(500, 10), (1000, 5)], ids=["fewer examples", "fewer seeds"])
def test_of_two_studies_of_a_pair_both_are_shown_and_the_one_with_more_examples_then_seeds_counts(tmp_path, small):
    for experiment, skills, (n, seeds) in (("whole", (0.5, 0.9), (1000, 7)), ("part", (0.9, 0.5), small)):
        arms = dict(zip(("lora", "ina"), skills, strict=True))
        write_arms(tmp_path, arms, tasks=("sst2",), seeds=range(seeds), n=n, experiment=experiment)
    assert part(tmp_path, "glue against lora").endswith(": 1 better at these rates")
    assert part(tmp_path, "no gain") == "0 of our 1"
    assert "better at these rates" in part(tmp_path, "glue") and "worse at these rates" in part(tmp_path, "glue")


def test_of_two_studies_of_a_pair_that_are_alike_in_size_the_newer_counts(tmp_path):
    for experiment, day, arms in (("first", 23, {"lora": 0.9, "ina": 0.5}), ("again", 28, {"lora": 0.5, "ina": 0.9})):
        finished = f"2026-11-{day}T05:53:00+00:00"
        write_arms(tmp_path, arms, tasks=("sst2",), experiment=experiment, finished=finished)
    assert part(tmp_path, "glue against lora").endswith(": 1 better at these rates")


def test_a_verdict_counts_only_where_best_and_last_epoch_agree(tmp_path, monkeypatch):
    from ina.tables import claims

    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9}, tasks=("sst2",))
    found = studies(tmp_path)
    assert list(comparisons(found)["verdict"]) == ["better"]
    mixed = claims.verdicts(found[0]).assign(verdict=["better", "worse"])
    monkeypatch.setattr(claims, "verdicts", lambda study: mixed)
    assert list(comparisons(found)["verdict"]) == ["undecided"]


def test_activations_are_judged_against_plain_ina_where_nothing_else_differs(tmp_path):
    for skill, changed in ((0.9, {}), (0.5, {"activation": "relu"}), (0.5, {"activation": "relu", "inhibition": 0.9})):
        for seed in SEEDS:
            write_run(tmp_path, task="sst2", method="ina", seed=seed, skill=skill, n=1000, **changed)
    assert part(tmp_path, "activations against ina") == f"{MODEL}: 1 worse at these rates"


def test_the_command_fills_the_document_and_check_finds_it_stale(tmp_path):
    write_run(tmp_path)
    path = tmp_path / "CLAIMS.md"
    shutil.copy(DOCUMENT, path)
    main(["--results", str(tmp_path)])
    text = path.read_text()
    assert "21 undecided" not in text and "no runs of ours" in text and "BERT-large + InA reaches MCC 65.9" in text
    main(["--results", str(tmp_path), "--check"])
    path.write_text(text.replace("no runs of ours", "many runs of ours"))
    with pytest.raises(SystemExit, match="CLAIMS.md is out of date"):
        main(["--results", str(tmp_path), "--check"])


def test_an_unknown_part_is_refused(tmp_path):
    path = tmp_path / "CLAIMS.md"
    path.write_text("<!-- claim: nope --><!-- /claim -->")
    with pytest.raises(ValueError, match="CLAIMS.md: there is no part of the claims 'nope'; there are glue, squad_v1"):
        documents.filled(path, {}, parts([]))
