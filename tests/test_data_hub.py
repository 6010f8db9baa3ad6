"""The hub's copies are taken at their pinned revisions, from a folder, the cache or the network, without waiting."""

import socket
import time
from types import SimpleNamespace

import datasets
import pytest
from huggingface_hub import constants

import ina.data
from ina.data import hub, schema

DATA = SimpleNamespace(source="hub", dir=None, select=None, max_train=None, distractors=2, test_distractors=None)


@pytest.fixture(autouse=True)
def own_caches(tmp_path, monkeypatch):
    monkeypatch.delenv("INA_HUB_DIR", raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    hub.reachable.cache_clear()
    yield
    hub.reachable.cache_clear()


def rows(task):
    """Two rows as the hub stores them: labels are ClassLabels, columns may stand in another order."""
    if task in schema.SQUAD_TASKS:
        columns = {name: ["a", "b"] for name in ("id", "title", "context", "question")}
        answers = [{"text": ["a"], "answer_start": [0]}, {"text": ["b"], "answer_start": [0]}]
        return datasets.Dataset.from_dict(columns | {"answers": answers}, schema.features(task))
    columns = {"label": [0, 1]} if task == "swag" else {"idx": [0, 1], "label": [0, 1]}
    columns |= {name: ["A.", "B."] for name in schema.TEXT_COLUMNS[task]}
    types = {name: schema.features(task)[name] for name in columns}
    if task in schema.NUM_CLASSES:
        types["label"] = datasets.ClassLabel(num_classes=schema.NUM_CLASSES[task])
    return datasets.Dataset.from_dict(columns, datasets.Features(types))


def write(folder, task):
    """The task's parquet files below the folder of its repository; with the unlabelled test split that GLUE has."""
    config = {"squad_v1": "plain_text", "swag": "regular"}.get(task, task)
    (folder / config).mkdir(parents=True, exist_ok=True)
    for split in (*schema.split_names(task), "test"):
        rows(task).to_parquet(folder / config / f"{split}-00000-of-00001.parquet")


def cache_folder(tmp_path, repository, revision):
    return tmp_path / "hub" / f"datasets--{repository.replace('/', '--')}" / "snapshots" / revision


@pytest.fixture
def no_network(monkeypatch):
    """Fails the test if anything asks the network."""

    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "get_session", refuse)
    monkeypatch.setattr(hub, "hf_hub_download", refuse)


@pytest.mark.parametrize("task", schema.TASKS)
def test_a_folder_in_the_hub_s_layout_gives_every_task(task, tmp_path, monkeypatch, no_network):
    write(tmp_path / "mirror" / hub.repository(task), task)
    monkeypatch.setenv("INA_HUB_DIR", str(tmp_path / "mirror"))
    assert hub.available(task, DATA)
    splits = hub.load(task, DATA)
    assert tuple(splits) == schema.split_names(task)
    assert all(split.features == schema.features(task) for split in splits.values())
    loaded = ina.data.load(task, DATA)
    assert loaded.source == "hub" and loaded.splits["train"].num_rows == 2


def test_a_folder_without_the_task_is_not_completed_from_the_network(tmp_path, monkeypatch, no_network):
    write(tmp_path / "mirror" / "nyu-mll/glue", "rte")
    monkeypatch.setenv("INA_HUB_DIR", str(tmp_path / "mirror"))
    assert not hub.available("cola", DATA)
    with pytest.raises(FileNotFoundError, match="looked for cola/train-00000-of-00001.parquet, .* in .*nyu-mll/glue"):
        ina.data.resolve("cola", DATA)


def test_a_folder_that_does_not_exist_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("INA_HUB_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="INA_HUB_DIR is .*nowhere', which is no folder"):
        hub.available("rte", DATA)


@pytest.mark.parametrize("task", ["rte", "mnli", "squad_v1", "squad_v2"])
def test_what_is_in_the_cache_at_the_pinned_revision_needs_no_network(task, tmp_path, no_network):
    repository = hub.repository(task)
    write(cache_folder(tmp_path, repository, hub.REVISIONS[repository]), task)
    assert hub.available(task, DATA)
    assert hub.load(task, DATA)["train"].num_rows == 2


def test_another_revision_in_the_cache_is_not_taken(tmp_path):
    write(cache_folder(tmp_path, "nyu-mll/glue", "0" * 40), "rte")
    assert not hub.available("rte", DATA)


def test_offline_without_cache_nobody_is_asked_and_the_error_says_what_is_missing(monkeypatch, no_network):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert not hub.available("rte", DATA)
    revision = hub.REVISIONS["nyu-mll/glue"]
    with pytest.raises(FileNotFoundError, match=f"glue at {revision} is not in the cache .* and HF_HUB_OFFLINE is set"):
        hub.load("rte", DATA)


class Session:
    """A stand-in for the hub's HTTP client that counts the questions."""

    def __init__(self, answer):
        self.answer, self.asked = answer, 0

    def head(self, url, **kwargs):
        self.asked += 1
        return self.answer()


@pytest.fixture
def online(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    def answering(answer):
        session = Session(answer)
        monkeypatch.setattr(hub, "get_session", lambda: session)
        return session

    return answering


def test_a_hub_that_never_answers_is_given_up_once_and_within_its_patience(online, monkeypatch):
    monkeypatch.setattr(hub, "PATIENCE", 0.2)

    def late():
        time.sleep(2)
        return SimpleNamespace(is_success=True)

    session = online(late)
    start = time.perf_counter()
    assert not any(hub.available(task, DATA) for task in schema.TASKS)
    assert time.perf_counter() - start < 1.5
    assert session.asked == 1


def fails_with(error):
    raise error


@pytest.mark.parametrize(
    "answer",
    [
        lambda: fails_with(OSError("Name or service not known")),
        lambda: fails_with(RuntimeError("closed")),
        lambda: SimpleNamespace(is_success=False),
    ],
    ids=["no name resolution", "transport closed", "a proxy that refuses"],
)
def test_a_transport_that_fails_or_refuses_counts_as_no_network(answer, online):
    online(answer)
    assert not hub.available("rte", DATA)


def test_a_hub_that_answers_is_asked_for_the_files_of_the_pinned_revision(tmp_path, online, monkeypatch):
    online(lambda: SimpleNamespace(is_success=True))
    write(tmp_path / "remote", "squad_v2")
    asked = []

    def download(repository, file, repo_type, revision):
        asked.append((repository, file, repo_type, revision))
        return str(tmp_path / "remote" / file)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    assert hub.available("squad_v2", DATA)
    assert hub.load("squad_v2", DATA)["validation"].num_rows == 2
    squad = "rajpurkar/squad_v2"
    files = [f"squad_v2/{split}-00000-of-00001.parquet" for split in ("train", "validation")]
    assert asked == [(squad, file, "dataset", hub.REVISIONS[squad]) for file in files]


def test_a_machine_without_name_resolution_does_not_wait(monkeypatch):
    """The real client, with the host name unknown."""

    def unknown(*args, **kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    start = time.perf_counter()
    assert not hub.available("rte", DATA)
    assert time.perf_counter() - start < hub.PATIENCE + 0.5
