"""The claims ledger: eight claims, evidence read from files, states by the rules."""

import re
from pathlib import Path

import pytest
from made_up import write_run, write_study

from ina.claims import others, ours
from ina.claims.__main__ import main
from ina.claims.ledger import ledger
from ina.tables import collect

SEEDS = range(5)


def text_of(root: Path) -> str:
    return ledger(list(collect.studies(root)))


def states(text: str) -> dict[int, str]:
    return {int(n): state for n, state in re.findall(r"^\| (\d) \| .* \| (.*) \|$", text, re.M)}


@pytest.fixture(scope="module")
def numbers() -> others.Numbers:
    return others.Numbers()


@pytest.fixture(scope="module")
def without_runs(tmp_path_factory) -> str:
    return text_of(tmp_path_factory.mktemp("empty"))


# what is known without any run of ours


def test_all_eight_claims_are_there_each_with_evidence_a_state_and_what_would_settle_it(without_runs):
    assert list(states(without_runs)) == [1, 2, 3, 4, 5, 6, 7, 8]
    for part in re.split(r"^## \d\. ", without_runs, flags=re.M)[1:]:
        assert "| Evidence | On | What it shows |" in part and "**State**: " in part and "**Would settle it**: " in part


def test_without_runs_of_ours_nothing_but_the_number_of_weights_is_called_supported(without_runs):
    assert [n for n, state in states(without_runs).items() if "supported" in state] == [1]
    assert all("untested by us" in state for n, state in states(without_runs).items() if n > 1)


def test_the_published_cola_score_equals_the_precursors_best_epoch(numbers):
    published = numbers.one("glue", task="cola", method="ina", beside="published")
    assert published == numbers.curve("cola", "gate", "0.3").max() == 65.9


def test_the_gelu_column_equals_the_best_epochs_of_the_precursor_on_all_tasks(without_runs):
    assert "on 8 of 8 tasks" in without_runs


def test_averages_of_the_precursors_curves_are_those_worked_out_in_results_published(numbers):
    for method, level, best, last in (("full", "", 84.39, 84.35), ("gate", "0.3", 84.20, 83.74)):
        assert numbers.average(method, level, max) == pytest.approx(best, abs=0.005)
        assert numbers.average(method, level, lambda curve: curve.iloc[-1]) == pytest.approx(last, abs=0.005)


def test_released_runs_show_ina_behind_lora(numbers, without_runs):
    assert numbers.released_differences("0.1")["cola"] == pytest.approx(59.56 - 60.32)
    assert set(numbers.released_differences("0.3")) == {"cola", "sst2", "stsb", "qnli", "rte", "mrpc"}
    assert "behind LoRA in the mean over tasks at 3 of 3 levels" in states(without_runs)[2]


def test_collapsed_activations_are_counted(numbers, without_runs):
    assert len(numbers.collapsed()) == 7
    assert "2 of 8 for elu, 5 of 8 for selu" in without_runs


def test_facts_and_inference_stand_apart(without_runs):
    facts, inference = without_runs.split("### Facts")[1].split("### Inference")
    assert "84.39" in facts and "likely" not in facts
    assert "likely" in inference and not re.search(r"\d\d\.\d", inference)


def test_an_ambiguous_question_to_the_published_numbers_is_an_error(numbers):
    with pytest.raises(LookupError, match="glue.csv has .* rows with {'task': 'cola'}, not one"):
        numbers.one("glue", task="cola")


# what our runs add


def test_runs_of_a_small_model_speak_about_that_model_only(tmp_path):
    for method, skill in (("lora", 0.5), ("ina", 0.9)):
        write_study(tmp_path, tasks=("sst2", "rte"), methods=(method,), seeds=SEEDS, skill=skill, n=1000)
    state = states(text_of(tmp_path))[2]
    assert state.startswith("untested by us at its scale")
    assert state.endswith("with all-MiniLM-L6-v2 supported (2 better) against LoRA")


def test_a_claim_is_contradicted_where_ina_is_worse(tmp_path):
    for method, skill in (("full", 0.9), ("ina", 0.5)):
        write_study(tmp_path, tasks=("sst2", "rte"), methods=(method,), seeds=SEEDS, skill=skill, n=1000)
    assert "contradicted (2 worse) against full fine-tuning" in states(text_of(tmp_path))[2]
    assert "2 of our 2 comparisons on single tasks show it" in states(text_of(tmp_path))[8]


def test_runs_of_a_large_model_count_at_the_papers_scale(tmp_path):
    for method, skill in (("lora", 0.5), ("ina", 0.9)):
        write_study(
            tmp_path, tasks=("sst2", "rte"), methods=(method,), seeds=SEEDS, skill=skill, n=1000, model="bert_large"
        )
    assert states(text_of(tmp_path))[2] == "at the paper's scale supported (2 better) against LoRA"


def test_generated_data_never_count_at_the_papers_scale(tmp_path):
    for method, skill in (("lora", 0.5), ("ina", 0.9)):
        write_study(tmp_path, tasks=("sst2",), methods=(method,), seeds=SEEDS, skill=skill, n=1000, model="bert_large",
                    source="probe")  # fmt: skip
    state = states(text_of(tmp_path))[2]
    assert state.startswith("untested by us") and "with BERT-large on generated data supported" in state


@pytest.mark.parametrize("part", [(500, 10), (1000, 5)], ids=["fewer examples", "fewer seeds"])
def test_of_two_studies_of_a_pair_both_are_shown_and_the_one_with_more_examples_then_seeds_counts(tmp_path, part):
    for experiment, skills, (n, seeds) in (("whole", (0.5, 0.9), (1000, 7)), ("part", (0.9, 0.5), part)):
        for method, skill in zip(("lora", "ina"), skills, strict=True):
            write_study(tmp_path, tasks=("sst2",), methods=(method,), seeds=range(seeds), skill=skill, n=n,
                        experiment=experiment)  # fmt: skip
    text = text_of(tmp_path)
    assert states(text)[2].endswith("with all-MiniLM-L6-v2 supported (1 better) against LoRA")
    assert "0 of our 1 comparisons on single tasks show it" in states(text)[8]
    assert "better on SST-2" in text and "worse on SST-2" in text


def test_of_two_studies_of_a_pair_that_are_alike_in_size_the_newer_counts(tmp_path):
    for experiment, day, skills in (("first", "2026-11-23", (0.9, 0.5)), ("again", "2026-11-28", (0.5, 0.9))):
        for method, skill in zip(("lora", "ina"), skills, strict=True):
            write_study(tmp_path, tasks=("sst2",), methods=(method,), seeds=SEEDS, skill=skill, n=1000,
                        experiment=experiment, finished=f"{day}T05:53:00+00:00")  # fmt: skip
    assert states(text_of(tmp_path))[2].endswith("with all-MiniLM-L6-v2 supported (1 better) against LoRA")


def test_few_seeds_decide_nothing(tmp_path):
    for method, skill in (("lora", 0.5), ("ina", 0.9)):
        write_study(tmp_path, tasks=("sst2",), methods=(method,), seeds=(1, 2), skill=skill, n=1000)
    assert "undecided (1 undecided) against LoRA" in states(text_of(tmp_path))[2]


def test_a_verdict_counts_only_where_best_and_last_epoch_agree(tmp_path):
    write_study(tmp_path, tasks=("sst2",), methods=("lora", "ina"), seeds=SEEDS)
    [pair] = [pair for pair in ours.pairs(list(collect.studies(tmp_path))) if pair.task]
    better = pair.best.verdict.__class__(**{**vars(pair.best.verdict), "verdict": "better"})
    worse = pair.best.verdict.__class__(**{**vars(pair.best.verdict), "verdict": "worse"})

    def judged(verdict):
        return pair.best.__class__(**{**vars(pair.best), "verdict": verdict})

    assert ours.Pair(pair.study, judged(better), judged(better)).verdict == "better"
    assert ours.Pair(pair.study, judged(better), judged(worse)).verdict == "undecided"


def test_bert_large_on_cola_is_set_against_the_published_score(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("ina",), seeds=SEEDS, skill=0.95, n=500, model="bert_large")
    assert states(text_of(tmp_path))[3] == "within reach of 2 of our 2 intervals"


def test_the_precursors_gate_is_shown_beside_the_published_score_and_speaks_not_for_ina(tmp_path):
    write_study(tmp_path, tasks=("cola",), methods=("gate",), seeds=SEEDS, skill=0.95, n=500, model="bert_large")
    text = text_of(tmp_path)
    assert "giBERT, full-rank gate (Inh 0.3), best epoch" in text
    assert states(text)[3].startswith("untested by us at its scale")


def test_activations_are_judged_against_plain_ina_where_nothing_else_differs(tmp_path):
    for skill, changed in ((0.9, {}), (0.5, {"activation": "relu"}), (0.5, {"activation": "relu", "inhibition": 0.9})):
        for seed in SEEDS:
            write_run(tmp_path, task="sst2", method="ina", seed=seed, skill=skill, n=1000, **changed)
    assert "supported (1 worse) against plain InA" in states(text_of(tmp_path))[6]


def test_an_ablation_of_the_activation_tells_every_arm_and_what_collapsed(tmp_path):
    for skill, changed in ((0.9, {}), (None, {"activation": "selu"})):
        for seed in SEEDS:
            write_run(
                tmp_path, task="sst2", method="ina", seed=seed, skill=skill, experiment="ablation_activation", **changed
            )
    [told] = [line for line in text_of(tmp_path).splitlines() if "means of best epochs" in line]
    assert re.search(
        r"SST-2, .*: InA \(Inh 0.3\) 9\d\.\d, InA \(Inh 0.3, selu\) 5\d\.\d; 5 of 10 runs are degenerate", told
    )


# the file


def test_the_command_writes_the_ledger_and_check_finds_it_stale(tmp_path, capsys):
    write_run(tmp_path)
    main(["--results", str(tmp_path)])
    main(["--results", str(tmp_path), "--check"])
    path = tmp_path / "CLAIMS.md"
    path.write_text(path.read_text().replace("65.9", "66.9"))
    with pytest.raises(SystemExit, match="CLAIMS.md is out of date"):
        main(["--results", str(tmp_path), "--check"])
