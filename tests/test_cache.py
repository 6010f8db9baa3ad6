"""Features on disk: found again when nothing they depend on has changed, built again when anything has."""

import importlib
import multiprocessing
from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict
from hydra import compose, initialize_config_dir
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from ina import data, glue, squad, tiny
from ina.cache import NO_CACHE, Cache
from ina.config import CONFIG_DIR, RunConfig, check

ROWS = Dataset.from_dict({"text": ["one two", "three"]})


@pytest.fixture
def build():
    """Builds features of `ROWS`; counts how often."""

    def build(rows, tokenizer, max_length=8):
        build.calls += 1
        return features(rows, tokenizer, max_length)

    build.calls = 0
    return build


def features(rows, tokenizer, max_length=8):
    return Dataset.from_dict({"input_ids": tokenizer(rows["text"][:])["input_ids"], "length": [max_length] * len(rows)})


def tokenizer(vocabulary=("one", "two", "three"), lowercase=False, **names):
    core = Tokenizer(models.WordLevel({word: number for number, word in enumerate((*vocabulary, "?"))}, unk_token="?"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    if lowercase:
        core.normalizer = normalizers.Lowercase()
    return PreTrainedTokenizerFast(tokenizer_object=core, unk_token="?", **names)


def test_what_was_built_once_is_read_the_next_time(tmp_path, build):
    first = Cache(tmp_path / "cache", "d").features(build, "train", ROWS, tokenizer())
    second = Cache(tmp_path / "cache", "d").features(build, "train", ROWS, tokenizer())
    assert build.calls == 1
    assert second.to_list() == first.to_list() == features(ROWS, tokenizer()).to_list()
    assert second.features == first.features


@pytest.mark.parametrize(
    "changed",
    [
        {"data": "other rows"},
        {"split": "validation"},
        {"rows": ROWS.select([0])},
        {"max_length": 9},
        {"tokenizer": tokenizer(vocabulary=("one", "three", "two"))},
        {"tokenizer": tokenizer(lowercase=True)},
        {"tokenizer": tokenizer(cls_token="one")},
        {"tokenizer": tokenizer(model_input_names=["input_ids"])},
    ],
    ids=["data", "split", "number of rows", "settings", "vocabulary", "rules", "special tokens", "inputs of the model"],
)
def test_anything_that_features_depend_on_makes_them_built_again(tmp_path, build, changed):
    given = {"data": "d", "split": "train", "rows": ROWS, "tokenizer": tokenizer(), "max_length": 8}
    for arguments in (given, given | changed, given):
        arguments = dict(arguments)
        Cache(tmp_path, arguments.pop("data")).features(build, **arguments)
    assert build.calls == 2


def test_a_changed_builder_makes_them_built_again(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    code = "from datasets import Dataset\nSIZE = {}\ndef build(*_): return Dataset.from_dict({{'length': [SIZE]}})\n"
    found = []
    for name, size in (("builder", 1), ("changed_builder", 22), ("moved_builder", 22)):
        (tmp_path / f"{name}.py").write_text(code.format(size))
        builder = importlib.import_module(name).build
        found.append(Cache(tmp_path, "d").features(builder, "train", ROWS, tokenizer())["length"][:])
    assert found == [[1], [22], [22]]
    assert len(list(tmp_path.glob("*.parquet"))) == 2


def test_the_lengths_of_an_earlier_call_that_a_tokenizer_keeps_do_not_matter(tmp_path, build):
    used = tokenizer(pad_token="two")
    Cache(tmp_path, "d").features(build, "train", ROWS, used)
    used("one two three", truncation=True, max_length=2, padding="max_length")
    Cache(tmp_path, "d").features(build, "train", ROWS, used)
    assert build.calls == 1


@pytest.mark.parametrize(
    "damage",
    [lambda whole: b"", lambda whole: whole[:-20], lambda whole: whole[:30] + b"damage" + whole[36:]],
    ids=["empty", "cut off", "overwritten"],
)
def test_a_damaged_file_is_told_and_built_again(tmp_path, build, damage, caplog):
    sound = Cache(tmp_path, "d").features(build, "train", ROWS, tokenizer())
    [path] = tmp_path.iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert Cache(tmp_path, "d").features(build, "train", ROWS, tokenizer()).to_list() == sound.to_list()
    assert build.calls == 2
    assert f"{path} is damaged and will be built again" in caplog.text
    assert path.read_bytes() == whole


def test_nothing_is_left_behind_when_building_or_writing_fails(tmp_path, build, monkeypatch):
    def broken(*_):
        raise OSError("no space left")

    with pytest.raises(TypeError):
        Cache(tmp_path, "d").features(build, "train", ROWS, tokenizer(), unknown=1)
    monkeypatch.setattr("os.replace", broken)
    with pytest.raises(OSError, match="no space left"):
        Cache(tmp_path, "d").features(build, "train", ROWS, tokenizer())
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_nothing_is_kept(build):
    for _ in range(2):
        NO_CACHE.features(build, "train", ROWS, tokenizer())
    assert build.calls == 2


def _build_together(folder: Path, barrier, results):
    def build(rows, tokenizer):
        barrier.wait(timeout=60)
        return features(rows, tokenizer)

    results.put(Cache(folder, "d").features(build, "train", ROWS, tokenizer()).to_list())


def test_processes_that_build_the_same_at_the_same_time_do_not_meet(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(2), context.Queue()
    workers = [context.Process(target=_build_together, args=(tmp_path, barrier, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    expected = features(ROWS, tokenizer()).to_list()
    assert [results.get(timeout=60) for _ in workers] == [expected] * 2
    for worker in workers:
        worker.join()
    [path] = tmp_path.iterdir()
    assert path.suffix == ".parquet"


# --- the task families ------------------------------------------------------------------------------------------------


def run(*overrides: str) -> RunConfig:
    with initialize_config_dir(str(CONFIG_DIR), version_base="1.3"):
        return check(compose("run", ["model=tiny_bert", "data=probe", "data.max_train=50", *overrides]))


@pytest.mark.parametrize("family, name", [(glue, "cola"), (glue, "mrpc"), (squad, "squad_v2")])
def test_both_families_give_the_same_features_from_disk(tmp_path, family, name, monkeypatch):
    cfg = run(f"task={name}")
    examples = data.load(name, cfg.data)
    splits = DatasetDict(train=examples.splits["train"], validation=examples.splits["validation"].select(range(20)))
    cache = Cache(tmp_path, examples.fingerprint)

    def both(*cached):
        train = family.train_features(cfg.task, splits["train"], tiny.tokenizer("bert"), *cached)
        [dev] = family.dev_sets(cfg.task, splits, tiny.tokenizer("bert"), *cached)
        return train.to_list(), train.features, dev.features.to_list(), dev.features.features

    assert both(cache) == both()
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(PreTrainedTokenizerFast, "__call__", None)  # nothing is tokenized any more
    from_disk = both(cache)
    monkeypatch.undo()
    assert from_disk == both()
