"""The hub's copies are taken at their pinned revisions, from the cache or the network, without waiting."""

import socket
import threading
from types import SimpleNamespace

import datasets
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError
from task_files import data_config, task

import ina.data
from ina.data import hub, schema

HUB = data_config("hub")
CLASS_LABELS = ("cola", "sst2", "mrpc", "qqp", "mnli", "qnli", "rte", "wnli", "swag")


@pytest.fixture(autouse=True)
def own_caches(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    hub.reachable.cache_clear()
    yield
    hub.reachable.cache_clear()


def write(name, folder):
    """Two rows of a task as the hub stores them, in each split and the unlabelled one that GLUE has.

    Labels are ClassLabels, columns stand in another order, and SWAG has no `idx`.
    """
    types = schema.features(task(name))
    values = {"label": [0, 1], "idx": [0, 1], "answers": [{"text": [text], "answer_start": [0]} for text in "ab"]}
    columns = {column: values.get(column, ["a", "b"]) for column in reversed(types)}
    if name in CLASS_LABELS:
        types["label"] = datasets.ClassLabel(num_classes=task(name).classes)
    if name == "swag":
        del types["idx"], columns["idx"]
    rows = datasets.Dataset.from_dict(columns, datasets.Features({column: types[column] for column in columns}))
    _, files = hub.remote_files(name)
    for file in (*files.values(), next(iter(files.values())).replace("train", "test")):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        rows.to_parquet(folder / file)


def cache_folder(tmp_path, repository, revision):
    return tmp_path / "hub" / f"datasets--{repository.replace('/', '--')}" / "snapshots" / revision


@pytest.fixture
def no_network(monkeypatch):
    """Fail the test if anything uses the network."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub, "get_session", lambda: pytest.fail("the network was asked"))


@pytest.mark.parametrize("name", schema.TASKS)
def test_what_is_in_the_cache_at_the_pinned_revision_needs_no_network(name, tmp_path, no_network):
    repository, _ = hub.remote_files(name)
    write(name, cache_folder(tmp_path, repository, hub.REVISIONS[repository]))
    loaded = ina.data.load(task(name), HUB)
    assert loaded.source == "hub" and tuple(loaded.splits) == schema.split_names(name)
    for rows in loaded.splits.values():
        assert len(rows) == 2 and rows.features == schema.features(task(name))


def test_offline_another_revision_in_the_cache_is_not_taken_and_the_error_says_what_is_missing(tmp_path, no_network):
    write("rte", cache_folder(tmp_path, "nyu-mll/glue", "0" * 40))
    revision = hub.REVISIONS["nyu-mll/glue"]
    with pytest.raises(FileNotFoundError, match=f"glue at {revision} is not in the cache .* and HF_HUB_OFFLINE is set"):
        ina.data.resolve(task("rte"), HUB)


@pytest.fixture
def online(monkeypatch):
    """A fake of the hub's HTTP client, with the list of requested URLs."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    def answering(answer):
        asked = []
        head = lambda url, **settings: asked.append(url) or answer()  # noqa: E731
        monkeypatch.setattr(hub, "get_session", lambda: SimpleNamespace(head=head))
        return asked

    return answering


def test_a_hub_that_never_answers_is_given_up_after_its_timeout_and_asked_only_once(online, monkeypatch):
    monkeypatch.setattr(hub, "TIMEOUT_S", 0.2)
    ends = threading.Event()
    asked = online(lambda: ends.wait(30) and SimpleNamespace(is_success=True))
    for name in schema.TASKS:
        with pytest.raises(FileNotFoundError, match="the hub gave no answer within"):
            hub.find(task(name), HUB)
    ends.set()
    assert len(asked) == 1


def test_a_hub_that_answers_is_asked_for_the_files_of_the_pinned_revision(tmp_path, online, monkeypatch):
    online(lambda: SimpleNamespace(is_success=True))
    write("squad_v2", tmp_path / "remote")
    asked = []

    def download(repository, file, repo_type, revision, local_files_only=False):
        if local_files_only:
            raise LocalEntryNotFoundError("not in the cache")
        asked.append((repository, file, repo_type, revision))
        return str(tmp_path / "remote" / file)

    monkeypatch.setattr(hub, "hf_hub_download", download)
    assert ina.data.load(task("squad_v2"), HUB).splits["validation"].num_rows == 2
    squad = "rajpurkar/squad_v2"
    files = [f"squad_v2/{split}-00000-of-00001.parquet" for split in ("train", "validation")]
    assert asked == [(squad, file, "dataset", hub.REVISIONS[squad]) for file in files]


def test_a_refusing_proxy_or_an_unresolved_name_counts_as_no_network_without_waiting(online, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", unknown)  # of the real client
        assert not hub.reachable()
    hub.reachable.cache_clear()
    online(lambda: SimpleNamespace(is_success=False))
    assert not hub.reachable()
