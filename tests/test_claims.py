"""results/CLAIMS.md: parts between markers are filled from verdicts, and states follow the rules."""

import re
import shutil
from pathlib import Path

import pytest
from made_up import MODEL, write_run, write_study

from ina.tables import documents
from ina.tables.__main__ import main
from ina.tables.claims import parts, verdict_pairs
from ina.tables.frame import studies

DOCUMENT = Path(__file__).parent.parent / "results" / "CLAIMS.md"
SEEDS = range(5)


def part(root: Path, name: str) -> str:
    return parts(studies(root))[name]()


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


def test_without_runs_of_ours_every_part_says_so(tmp_path):
    for name, text in parts([]).items():
        expected = "untested by us at its scale" if name.endswith("state") and name != "distractors state" else None
        assert text() == (expected or text()) and re.search(r"No runs of ours|untested by us|0 of our 0", text()), name


def test_runs_of_a_small_model_speak_about_that_model_only(tmp_path):
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9})
    expected = f"untested by us at its scale; with {MODEL} supported (2 better at these rates) against LoRA"
    assert part(tmp_path, "glue state") == expected
    on = rf"\| {MODEL}, made_up, data source files \| InA \(Inh 0.3\) − LoRA, best / last epoch: better at these rates "
    assert re.search(
        on + r"on SST-2 \+\d+\.\d / \+\d+\.\d, RTE .*; mean over 2 tasks \+.*: better at these rates \|",
        part(tmp_path, "glue"),
    )


def test_a_claim_is_contradicted_where_ina_is_worse(tmp_path):
    write_arms(tmp_path, {"full": 0.9, "ina": 0.5})
    assert part(tmp_path, "glue state").endswith("contradicted (2 worse at these rates) against full fine-tuning")
    assert part(tmp_path, "no gain") == "2 of our 2 comparisons on single tasks show it"


def test_runs_of_a_large_model_count_at_the_papers_scale_and_generated_data_never_do(tmp_path):
    write_arms(tmp_path / "real", {"lora": 0.5, "ina": 0.9}, model="bert_large")
    assert (
        part(tmp_path / "real", "glue state") == "at the paper's scale supported (2 better at these rates) against LoRA"
    )
    write_arms(tmp_path / "generated", {"lora": 0.5, "ina": 0.9}, model="bert_large", source="probe")
    state = part(tmp_path / "generated", "glue state")
    assert state.startswith("untested by us") and "with BERT-large on generated data supported" in state


@pytest.mark.parametrize("small", [(500, 10), (1000, 5)], ids=["fewer examples", "fewer seeds"])
def test_of_two_studies_of_a_pair_both_are_shown_and_the_one_with_more_examples_then_seeds_counts(tmp_path, small):
    for experiment, skills, (n, seeds) in (("whole", (0.5, 0.9), (1000, 7)), ("part", (0.9, 0.5), small)):
        arms = dict(zip(("lora", "ina"), skills, strict=True))
        write_arms(tmp_path, arms, tasks=("sst2",), seeds=range(seeds), n=n, experiment=experiment)
    assert part(tmp_path, "glue state").endswith("supported (1 better at these rates) against LoRA")
    assert part(tmp_path, "no gain") == "0 of our 1 comparisons on single tasks show it"
    assert "better at these rates on SST-2" in part(tmp_path, "glue") and "worse at these rates on SST-2" in part(
        tmp_path, "glue"
    )


def test_of_two_studies_of_a_pair_that_are_alike_in_size_the_newer_counts(tmp_path):
    for experiment, day, arms in (("first", 23, {"lora": 0.9, "ina": 0.5}), ("again", 28, {"lora": 0.5, "ina": 0.9})):
        finished = f"2026-11-{day}T05:53:00+00:00"
        write_arms(tmp_path, arms, tasks=("sst2",), experiment=experiment, finished=finished)
    assert part(tmp_path, "glue state").endswith("supported (1 better at these rates) against LoRA")


def test_few_seeds_decide_nothing(tmp_path):
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9}, tasks=("sst2",), seeds=(1, 2))
    assert part(tmp_path, "glue state").endswith("undecided (1 undecided) against LoRA")


def test_a_verdict_counts_only_where_best_and_last_epoch_agree(tmp_path, monkeypatch):
    write_arms(tmp_path, {"lora": 0.5, "ina": 0.9}, tasks=("sst2",))
    found = studies(tmp_path)
    assert list(verdict_pairs(found)["verdict"]) == ["better"]
    from ina.tables import claims

    mixed = claims.verdicts(found[0]).assign(verdict=["better", "worse"])
    monkeypatch.setattr(claims, "verdicts", lambda study: mixed)
    assert list(verdict_pairs(found)["verdict"]) == ["undecided"]


@pytest.mark.parametrize(
    ("method", "label"), [("ina", "InA (Inh 0.3, r 4)"), ("gate", "giBERT, full-rank gate (Inh 0.3)")]
)
def test_bert_large_on_cola_is_shown_with_its_intervals(tmp_path, method, label):
    write_study(tmp_path, tasks=("cola",), methods=(method,), seeds=SEEDS, skill=0.95, n=500, model="bert_large")
    found = part(tmp_path, "cola of BERT-large")
    assert re.search(rf"{re.escape(label)}, best epoch: \d+\.\d \[\d+\.\d, \d+\.\d\], n = 5", found)


def test_activations_are_judged_against_plain_ina_where_nothing_else_differs(tmp_path):
    for skill, changed in ((0.9, {}), (0.5, {"activation": "relu"}), (0.5, {"activation": "relu", "inhibition": 0.9})):
        for seed in SEEDS:
            write_run(tmp_path, task="sst2", method="ina", seed=seed, skill=skill, n=1000, **changed)
    assert part(tmp_path, "activations state").endswith("supported (1 worse at these rates) against plain InA")


def test_an_ablation_of_the_activation_shows_every_arm_and_what_collapsed(tmp_path):
    for skill, changed in ((0.9, {}), (None, {"activation": "selu"})):
        for seed in SEEDS:
            write_run(
                tmp_path, task="sst2", method="ina", seed=seed, skill=skill, experiment="ablation_activation", **changed
            )
    expected = r"best epochs: InA \(Inh 0.3\) 9\d\.\d, InA \(Inh 0.3, selu\) 5\d\.\d; 5 of 10 runs are degenerate"
    assert re.search(expected, part(tmp_path, "activations"))


def test_the_command_fills_the_document_and_check_finds_it_stale(tmp_path):
    write_run(tmp_path)
    path = tmp_path / "CLAIMS.md"
    shutil.copy(DOCUMENT, path)
    main(["--results", str(tmp_path)])
    text = path.read_text()
    assert MODEL not in text and "BERT-large + InA reaches MCC 65.9" in text
    main(["--results", str(tmp_path), "--check"])
    path.write_text(text.replace("No runs of ours.", "Many runs of ours."))
    with pytest.raises(SystemExit, match="CLAIMS.md is out of date"):
        main(["--results", str(tmp_path), "--check"])


def test_an_unknown_part_is_refused(tmp_path):
    path = tmp_path / "CLAIMS.md"
    path.write_text("<!-- claim: nope --><!-- /claim -->")
    with pytest.raises(ValueError, match="CLAIMS.md: there is no part of the claims 'nope'; there are weights, glue"):
        documents.filled(path, {}, parts([]))
