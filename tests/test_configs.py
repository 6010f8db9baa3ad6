"""Every committed config composes into a valid run and names the source of its settings."""

import json
import math
import re

import pytest
from omegaconf import OmegaConf

from ina import plan
from ina.compose import CONFIG_DIR, compose, hydra_settings, options
from ina.config import RunConfig, configured
from ina.data import schema
from ina.fingerprint import fingerprint, fingerprint_settings
from ina.labels import method_label

PAPER = ("bert_large", "roberta_large", "deberta_v3_large", "deberta_large")
GLUE = "mnli qqp qnli sst2 cola stsb mrpc rte"
SQUAD = "squad_v1 squad_v2"
RUNS = CONFIG_DIR.parent / "results" / "runs"
DEFAULT_MEMORY = 3.5  # GiB per run, in configs/hydra/launcher/local.yaml


def run(model: str, task: str, method: str, *more: str) -> RunConfig:
    return configured([f"model={model}", f"method={method}", f"task={task}", *more])


# the layout


def test_every_file_says_at_its_top_what_it_is():
    for path in CONFIG_DIR.rglob("*.yaml"):
        first, second = path.read_text(encoding="utf-8").splitlines()[:2]
        assert (second if first.startswith(("# @package _global_", "# @group ")) else first).startswith("# "), path


@pytest.mark.parametrize(
    ("model", "method"),
    [
        *((model, "ina") for model in options("model")),
        *(("minilm", method) for method in options("method")),
        *(recipe.split("--") for recipe in options("recipe")),
        *((model, level) for model in PAPER for level in ("ina_p10", "gate_p10")),
    ],
)
def test_a_run_is_named_after_its_options(model, method):
    fitting = ("stsb", "swag") if method == "adalora" else ("stsb", "squad_v1", "swag")
    for task in options("task") if (model, method) == ("minilm", "ina") else fitting:
        assert run(model, task, method).id == f"{model}--{task}--{method}--s1"


def test_the_help_explains_every_group_and_names_only_settings_that_exist():
    groups, settings = hydra_settings([]).help.template.split("Settings:")
    named = set(re.findall(r"^  (\w+)  ", groups, re.M))
    assert named == {"task", "method", "model", "data", "experiment", "scale", "recipe", "start"}
    assert all(options(group) for group in named)
    settings = re.findall(r"^  ([a-z_]+(?:\.[a-z_]+)?)\S*[, ] ", settings, re.M)
    known = run("minilm", "cola", "ina").model_dump()
    assert len(settings) > 10
    for name in settings:
        section, _, key = name.partition(".")
        assert section in known and (not key or key in known[section]), name


# experiments


@pytest.mark.parametrize("experiment", options("experiment"))
def test_an_experiment_expands_into_runs_of_its_name_with_the_fingerprints_and_number_format_of_their_records(
    experiment,
):
    if experiment.endswith("_paper"):  # its other models differ only in the model
        planned = {run.id: run for run in plan.expand([f"experiment={experiment}", "model=bert_large"])}
    else:
        planned = plan.experiment_runs(experiment)
    assert planned and {run.experiment for run in planned.values()} == {experiment}
    for path in sorted(RUNS.glob(f"{experiment}/*/*.json")):
        found = json.loads(path.read_text())
        data, dtype = found["data"]["fingerprint"], found["provenance"]["dtype"]
        settings = planned[found["id"]]
        now = fingerprint_settings(settings.model_dump(), found["source"], data, dtype, found.get("start"))
        assert fingerprint(now) == found["fingerprint"], path
        assert settings.train.dtype == dtype, "the same on every machine"


@pytest.mark.parametrize("experiment", [name for name in options("experiment") if not name.endswith("_paper")])
def test_methods_of_an_experiment_have_labels_of_their_own(experiment):
    runs = plan.experiment_runs(experiment).values()
    labels = {(run.model.name, run.method_id): method_label(run.method.model_dump()) for run in runs}
    of_model = [(model, label) for (model, _), label in labels.items()]
    assert len(set(of_model)) == len(of_model), sorted(labels.items())


def test_every_recorded_experiment_has_a_config():
    assert {path.name for path in RUNS.iterdir()} <= set(options("experiment"))


@pytest.mark.parametrize("experiment", [path.name for path in sorted(RUNS.iterdir())])
def test_as_many_runs_start_at_once_as_fit_into_memory_by_the_peaks_recorded(experiment):
    reserved = OmegaConf.select(compose([f"experiment={experiment}"]), "recipe.memory", default=DEFAULT_MEMORY)
    peaks = [json.loads(path.read_text())["peak_memory_mb"] or 0 for path in RUNS.glob(f"{experiment}/*/*.json")]
    assert max(peaks) <= 1024 * reserved


@pytest.mark.parametrize("scale", ["smoke", "mini", "small", "paper"])
def test_an_experiment_with_a_scale_is_the_experiment_named_after_both(scale):
    part = ["model=minilm", "seed=1", "task=cola", "method=lora"]
    assert plan.expand(["experiment=glue", f"scale={scale}", *part]) == plan.expand([f"experiment=glue_{scale}", *part])


def test_a_method_that_an_experiment_lacks_can_be_run_with_a_given_learning_rate():
    [one] = plan.expand(["experiment=glue_small", "method=gate", "task=cola", "seed=1", "train.learning_rate=0.5"])
    assert one.train.learning_rate == 0.5


@pytest.mark.parametrize("method", ["ina", "gate"])
@pytest.mark.parametrize(("arm", "inhibition"), [("p0", 0.0), ("p10", 0.1), ("p90", 0.9)])
@pytest.mark.parametrize("model", ["minilm", "bert_large"])
def test_variants_by_level_differ_from_their_method_only_in_the_inhibition(model, method, arm, inhibition):
    for task in ("stsb", "squad_v2"):
        plain = run(model, task, method)
        level = plain.method.model_copy(update={"name": f"{method}_{arm}", "inhibition": inhibition})
        assert run(model, task, f"{method}_{arm}") == plain.model_copy(update={"method": level})


# tasks and models


def test_bert_large_is_cased_on_glue_and_uncased_on_squad():
    assert run("bert_large", "cola", "ina").model.hub == "google-bert/bert-large-cased"
    assert run("bert_large", "squad_v1", "ina").model.hub == "google-bert/bert-large-uncased"


# recipes


def test_every_large_model_has_a_recipe_with_its_source_for_each_method_of_tables_3_and_4():
    methods = ("full", "lora", "lora_released", "ina", "ina_released", "gate")
    assert set(options("recipe")) == {f"{model}--{method}" for model in PAPER for method in methods}
    for model in PAPER:
        text = (CONFIG_DIR / "recipe" / f"{model}.yaml").read_text(encoding="utf-8")
        assert re.findall(rf"^{model}--(\w+):\n  # Source: ", text, re.M) == re.findall(
            r"^(?!#)\w+--(\w+):", text, re.M
        )


@pytest.mark.parametrize("recipe", options("recipe"))
def test_the_rows_of_a_recipe_are_tasks(recipe):
    model, method = recipe.split("--")
    tables = compose([f"model={model}", f"method={method}", "task=cola"]).recipe
    rows = {name.removesuffix("_from_mnli") for name, row in tables.items() if "rate" in row}
    assert rows <= {*options("task"), "row", "plain", "other"}


@pytest.mark.parametrize("model", PAPER)
def test_lora_and_ina_are_trained_alike_on_the_same_sites(model):
    shared = ("r", "alpha", "dropout", "sites")
    for task in schema.TASKS:
        for pair in (("lora", "ina"), ("lora_released", "ina_released")):
            lora, ina = (run(model, task, method) for method in pair)
            assert lora.train == ina.train == run(model, task, "lora").train
            assert lora.task == ina.task
            assert [getattr(lora.method, key) for key in shared] == [getattr(ina.method, key) for key in shared]


# model and method -> tasks -> learning rate, batch size, epochs, as the source has them
PRESCRIBED = {
    "bert_large--full": {GLUE: (2e-5, 32, 3), SQUAD: (3e-5, 24, 2)},
    "roberta_large--lora": {
        "mnli": (3e-4, 32, 10), "sst2": (4e-4, 32, 10), "mrpc": (3e-4, 32, 20), "cola": (2e-4, 32, 20),
        "qnli": (2e-4, 32, 10), "qqp": (3e-4, 32, 20), "rte": (4e-4, 32, 20), "stsb": (2e-4, 32, 10),
        SQUAD: (4e-5, 16, 11),
    },
    "deberta_v3_large--full": {
        "cola": (5.5e-6, 32, 10), "sst2": (6e-6, 32, 8), "mrpc": (6e-6, 32, 6), "stsb": (7e-6, 32, 4),
        "qqp": (1e-5, 64, 6), "mnli": (7e-6, 64, 2), "qnli": (7e-6, 64, 6), "rte": (1e-5, 32, 6),
    },
}  # fmt: skip


@pytest.mark.parametrize("recipe", PRESCRIBED)
def test_a_recipe_has_the_settings_of_its_source(recipe):
    model, method = recipe.split("--")
    for tasks, expected in PRESCRIBED[recipe].items():
        for task in tasks.split():
            train = run(model, task, method).train
            assert (train.learning_rate, train.batch_size, train.epochs) == expected, task


# of the official training sets
ROWS = {
    "cola": 8551, "sst2": 67349, "mrpc": 3668, "stsb": 5749, "qqp": 363846, "mnli": 392702, "qnli": 104743, "rte": 2490
}  # fmt: skip
# microsoft/DeBERTa, experiments/glue: steps of warm-up, dropout before the classifier
SCRIPTS = {
    "deberta_v3_large": {
        "cola": (50, 0.1), "sst2": (500, 0.1), "mrpc": (50, 0.2), "stsb": (50, 0.1), "qqp": (1000, 0.2),
        "mnli": (500, 0.3), "qnli": (200, 0.2), "rte": (50, 0.3),
    },
    "deberta_large": {
        "cola": (100, 0.15), "sst2": (100, 0.15), "mrpc": (50, 0.15), "stsb": (100, 0.15), "qqp": (500, 0.15),
        "mnli": (1000, 0.2), "qnli": (500, 0.15), "rte": (100, 0.2),
    },
}  # fmt: skip


@pytest.mark.parametrize("model", SCRIPTS)
def test_deberta_warms_up_for_the_steps_and_has_the_dropout_of_its_scripts(model):
    for task, expected in SCRIPTS[model].items():
        train = run(model, task, "full").train
        steps = math.ceil(ROWS[task] / train.batch_size) * train.epochs
        assert (math.ceil(train.warmup_ratio * steps), train.head_dropout) == expected, task


def test_the_released_rank_is_4_but_8_for_stsb_and_squad():
    for method in ("ina_released", "lora_released"):
        runs = {task: run("bert_large", task, method) for task in schema.TASKS}
        assert {task for task, cfg in runs.items() if cfg.method.r == 8} == {"stsb", "squad_v1", "squad_v2"}
        assert {cfg.method.r for cfg in runs.values()} == {4, 8}
        assert all(cfg.cell == f"bert_large--{task}--{method}" for task, cfg in runs.items())


def test_the_released_squad_runs_use_a_model_in_four_bits():
    for model in ("bert_large", "roberta_large", "deberta_v3_large"):
        for method in ("ina_released", "lora_released"):
            assert run(model, "squad_v1", method).model.quantization == "4bit"
    for cell in (
        ("bert_large", "cola", "ina_released"),
        ("bert_large", "squad_v1", "lora"),
        ("bert_large", "squad_v1", "ina"),
        ("roberta_large", "squad_v1", "ina"),
        ("deberta_large", "squad_v1", "lora_released"),  # its quantised projections could not be split
    ):
        assert run(*cell).model.quantization is None


def test_the_command_line_wins_over_a_recipe():
    assert run("roberta_large", "cola", "lora", "train.epochs=1").train.epochs == 1
