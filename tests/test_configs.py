"""Every committed config composes into a valid run, and says where its settings are from."""

import itertools
import re
from functools import lru_cache

import pytest
import yaml
from hydra import compose, initialize_config_dir

from ina import sweep
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
    runs = sweep.expand([f"experiment={experiment}", *first])
    assert runs and {run.experiment for run in runs} == {experiment}


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
    lora, ina, released = (run(model, task, method) for method in ("lora", "ina", "ina_released"))
    assert lora.train == ina.train == released.train
    assert lora.task == ina.task == released.task
    shared = ("r", "alpha", "dropout", "sites")
    assert [getattr(lora.method, key) for key in shared] == [getattr(ina.method, key) for key in shared]


# model, task, method -> learning rate, batch size, epochs, as the source has them
PRESCRIBED = {
    ("bert_large", "cola", "ina_released"): (5e-5, 8, 10),
    ("bert_large", "squad_v2", "ina_released"): (4e-5, 16, 11),
    ("bert_large", "squad_v1", "full"): (3e-5, 24, 2),
    ("roberta_large", "rte", "full"): (2e-5, 16, 10),
    ("roberta_large", "mnli", "full"): (1e-5, 32, 10),
    ("roberta_large", "sst2", "lora"): (4e-4, 32, 10),
    ("roberta_large", "qqp", "lora"): (3e-4, 32, 20),
    ("roberta_large", "squad_v2", "ina"): (4e-5, 16, 11),
    ("bert_large", "cola", "gate"): (2e-5, 64, 5),
    ("deberta_v3_large", "cola", "full"): (5.5e-6, 32, 10),
    ("deberta_v3_large", "mnli", "full"): (7e-6, 64, 2),
    ("deberta_large", "rte", "full"): (8e-6, 32, 6),
    ("deberta_large", "qnli", "full"): (1e-5, 32, 4),
}


@pytest.mark.parametrize("cell", PRESCRIBED, ids="--".join)
def test_a_cell_has_the_settings_of_its_source(cell):
    train = run(*cell).train
    assert (train.learning_rate, train.batch_size, train.epochs) == PRESCRIBED[cell]


def test_the_released_rank_is_4_but_8_for_stsb_and_squad():
    ranks = {task: run("bert_large", task, "ina_released").method.r for task in schema.TASKS}
    assert {task for task, r in ranks.items() if r == 8} == {"stsb", "squad_v1", "squad_v2"}
    assert set(ranks.values()) == {4, 8}


def test_the_command_line_wins_over_a_cell():
    assert run("roberta_large", "cola", "lora", "train.epochs=1").train.epochs == 1


def test_a_rank_other_than_the_cells_shows_in_the_name():
    assert run("bert_large", "stsb", "ina_released", "method.r=4").cell == "bert_large--stsb--ina_released-r4"
