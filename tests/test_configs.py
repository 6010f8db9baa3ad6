"""Every committed config composes into a valid run, and says where its settings are from."""

import itertools
import json
import math
import re
from functools import lru_cache

import pytest
import yaml
from hydra import compose, initialize_config_dir

from ina import plan
from ina.config import CONFIG_DIR, RunConfig, check
from ina.data import schema

PAPER = ("bert_large", "roberta_large", "deberta_v3_large", "deberta_large")


def names(group: str) -> list[str]:
    return sorted(path.stem for path in (CONFIG_DIR / group).glob("*.yaml"))


@lru_cache
def run(model: str, task: str, method: str, *more: str) -> RunConfig:
    return check(compose("run", [f"model={model}", f"task={task}", f"method={method}", *more]))


@pytest.fixture(scope="module", autouse=True)
def hydra():
    with initialize_config_dir(str(CONFIG_DIR), version_base="1.3"):
        yield


@pytest.mark.parametrize("method", names("method"))
@pytest.mark.parametrize("model", ["minilm", *PAPER])
def test_every_model_task_and_method_compose_into_a_run_named_after_them(model, method):
    for task in names("task"):
        assert run(model, task, method).id == f"{model}--{task}--{method}--s1"


@pytest.mark.parametrize("group", ["model", "task", "method"])
def test_a_file_is_called_what_it_defines(group):
    for name in names(group):
        choice = {"model": "minilm", "task": "cola", "method": "ina"} | {group: name}
        assert getattr(run(**choice), group).name == name


@pytest.mark.parametrize("data", names("data"))
def test_a_data_file_asks_for_the_source_it_is_called_after(data):
    assert run("minilm", "cola", "ina", f"data={data}").data.source == data


@pytest.mark.parametrize("experiment", names("experiment"))
def test_every_experiment_expands_into_runs_that_bear_its_name(experiment):
    params = compose("run", [f"experiment={experiment}"], return_hydra_config=True).hydra.sweeper.params
    first = [f"{axis}={params[axis].split(',')[0]}" for axis in ("model", "seed")]  # the others differ in nothing else
    runs = plan.expand([f"experiment={experiment}", *first])
    assert runs and {run.experiment for run in runs} == {experiment}


RECORDED = sorted((CONFIG_DIR.parent / "results" / "runs").iterdir())


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_an_experiment_with_records_has_their_number_format_on_every_machine(folder):
    dtypes = {json.loads(path.read_text())["provenance"]["dtype"] for path in folder.rglob("*.json")}
    assert dtypes == {compose("run", [f"experiment={folder.name}"]).train.dtype}


@pytest.mark.parametrize("path", sorted(CONFIG_DIR.rglob("*.yaml")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_file_says_at_its_top_what_it_is(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    package = lines[0] == "# @package _global_"
    assert package == (path.parent.name in ("method", "cell", "experiment", "scale", "start"))
    assert lines[package].startswith("# ")
    if path.parent.name == "experiment":
        assert lines[1].startswith(("# make ", "# python "))


@pytest.mark.parametrize("name", names("cell"))
def test_a_cell_file_belongs_to_a_model_and_a_method_and_names_its_source(name):
    model, method = name.split("--")
    assert model in names("model") and method in names("method")
    assert (CONFIG_DIR / "cell" / f"{name}.yaml").read_text(encoding="utf-8").splitlines()[1].startswith("# Source: ")


@pytest.mark.parametrize("name", names("cell"))
def test_a_cell_file_names_only_tasks_that_exist(name):
    def picked(node):
        if isinstance(node, dict):
            return set().union(*(picked(value) for value in node.values()), set())
        if isinstance(node, str) and node.startswith("${pick:${task.name},"):
            flat = re.sub(r"\$\{pick:\$\{train\.start\},\{.*?\}\}", "0", node)
            return set(yaml.safe_load(flat.removeprefix("${pick:${task.name},").removesuffix("}")))
        return set()

    content = yaml.safe_load((CONFIG_DIR / "cell" / f"{name}.yaml").read_text(encoding="utf-8"))
    assert picked(content) <= {*names("task"), "else"}


def test_tables_3_and_4_have_a_cell_for_every_model_and_method():
    methods = {name for name in names("method") if "_p" not in name}  # those go by the cells of ina and gate
    assert set(names("cell")) == {f"{model}--{method}" for model in PAPER for method in methods}


@pytest.mark.parametrize("method", ["ina", "gate"])
@pytest.mark.parametrize(("arm", "inhibition"), [("p0", 0.0), ("p10", 0.1), ("p90", 0.9)])
@pytest.mark.parametrize("model", ["minilm", *PAPER])
def test_arms_differ_from_their_method_in_the_inhibition_alone(model, method, arm, inhibition):
    for task in ("stsb", "squad_v2"):
        plain = run(model, task, method)
        assert run(model, task, f"{method}_{arm}") == plain.model_copy(
            update={"method": plain.method.model_copy(update={"name": f"{method}_{arm}", "inhibition": inhibition})}
        )


@pytest.mark.parametrize("task", schema.TASKS)
def test_a_task_file_agrees_with_the_data(task):
    defined = run("minilm", task, "ina").task
    if task in schema.SQUAD_TASKS:
        assert defined.family == "squad" and defined.version_2 == (task == "squad_v2")
        assert (defined.max_length, defined.doc_stride) == (384, 128)
    else:
        assert tuple(defined.columns) == schema.TEXT_COLUMNS[task]
        assert defined.classes == schema.NUM_CLASSES.get(task)


def test_bert_large_is_cased_on_glue_and_uncased_on_squad():
    assert run("bert_large", "cola", "ina").model.hub == "google-bert/bert-large-cased"
    assert run("bert_large", "squad_v1", "ina").model.hub == "google-bert/bert-large-uncased"


@pytest.mark.parametrize(("model", "task"), itertools.product(PAPER, schema.TASKS))
def test_lora_and_ina_are_trained_alike_on_the_same_sites(model, task):
    shared = ("r", "alpha", "dropout", "sites")
    for pair in (("lora", "ina"), ("lora_released", "ina_released")):
        lora, ina = (run(model, task, method) for method in pair)
        assert lora.train == ina.train == run(model, task, "lora").train
        assert lora.task == ina.task
        assert [getattr(lora.method, key) for key in shared] == [getattr(ina.method, key) for key in shared]


SQUAD = "squad_v1 squad_v2"
# model and method -> tasks -> learning rate, batch size, epochs, as the source has them
PRESCRIBED = {
    "bert_large--full": {"mnli qqp qnli sst2 cola stsb mrpc rte": (2e-5, 32, 3), SQUAD: (3e-5, 24, 2)},
    "bert_large--ina_released": {"mnli qqp qnli sst2 cola stsb mrpc rte wnli": (5e-5, 8, 10), SQUAD: (4e-5, 16, 11)},
    "bert_large--gate": {"mnli qqp qnli sst2 cola stsb mrpc rte": (2e-5, 64, 5)},
    "roberta_large--full": {
        "mnli qnli qqp sst2": (1e-5, 32, 10), "cola mrpc": (1e-5, 16, 10), "rte stsb": (2e-5, 16, 10),
        SQUAD: (1.5e-5, 48, 2),
    },
    "roberta_large--lora": {
        "mnli": (3e-4, 32, 10), "sst2": (4e-4, 32, 10), "mrpc": (3e-4, 32, 20), "cola": (2e-4, 32, 20),
        "qnli": (2e-4, 32, 10), "qqp": (3e-4, 32, 20), "rte": (4e-4, 32, 20), "stsb": (2e-4, 32, 10),
        SQUAD: (4e-5, 16, 11),
    },
    "deberta_v3_large--full": {
        "cola": (5.5e-6, 32, 10), "sst2": (6e-6, 32, 8), "mrpc": (6e-6, 32, 6), "stsb": (7e-6, 32, 4),
        "qqp": (1e-5, 64, 6), "mnli": (7e-6, 64, 2), "qnli": (7e-6, 64, 6), "rte": (1e-5, 32, 6),
    },
    "deberta_large--full": {
        "cola": (7e-6, 32, 6), "sst2": (1e-5, 32, 6), "mrpc": (7e-6, 32, 6), "stsb": (7e-6, 32, 4),
        "qqp": (1e-5, 64, 8), "mnli": (1e-5, 64, 3), "qnli": (1e-5, 32, 4), "rte": (8e-6, 32, 6),
    },
    "deberta_v3_large--ina_released": {SQUAD: (4e-5, 16, 11)},
}  # fmt: skip


@pytest.mark.parametrize("cell", PRESCRIBED)
def test_a_cell_has_the_settings_of_its_source(cell):
    model, method = cell.split("--")
    for tasks, expected in PRESCRIBED[cell].items():
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


def test_the_command_line_wins_over_a_cell():
    assert run("roberta_large", "cola", "lora", "train.epochs=1").train.epochs == 1


def test_a_rank_other_than_the_cells_shows_in_the_name():
    assert run("bert_large", "stsb", "ina_released", "method.r=4").cell == "bert_large--stsb--ina_released-r4"


def test_a_list_finds_its_entry_in_a_table_by_its_items_joined():
    table = "train.learning_rate='${pick:${method.sites},{query+key: 0.5, else: 0.25}}'"
    arms = [
        run("minilm", "stsb", "ina", table, f"method.sites=[{sites}]") for sites in ("query,key", "query", "key,query")
    ]
    assert [arm.train.learning_rate for arm in arms] == [0.5, 0.25, 0.25]


def test_the_help_explains_every_group_and_names_only_settings_that_exist():
    text = compose("run", [], return_hydra_config=True).hydra.help.template
    groups = {path.name for path in CONFIG_DIR.iterdir() if path.is_dir()} - {"hydra", "architecture"}
    assert groups == set(re.findall(r"^  (\w+)  ", text.split("Settings:")[0], re.M))
    settings = re.findall(r"^  ([a-z_]+(?:\.[a-z_]+)?)\S*[, ] ", text.split("Settings:")[1], re.M)
    known = run("minilm", "cola", "ina").model_dump()
    assert len(settings) == 14
    for name in settings:
        section, _, key = name.partition(".")
        assert section in known and (not key or key in known[section]), name
