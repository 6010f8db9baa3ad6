"""One data source is chosen, and its rows are normalised and fingerprinted."""

import sys
from types import ModuleType, SimpleNamespace

import datasets
import pytest
from task_files import data_config, task

import ina.data
from ina.config import GlueTask
from ina.data import schema

RTE = task("rte")


def rte(size=4, **changes):
    """Valid rows of RTE, with some columns changed."""
    columns = {
        "sentence1": [f"It is {n} o'clock." for n in range(size)],
        "sentence2": ["It is late."] * size,
        "label": [n % 2 for n in range(size)],
        "idx": list(range(size)),
    }
    return datasets.Dataset.from_dict(columns | changes, schema.features(RTE))


def both(rows):
    return datasets.DatasetDict(train=rows, validation=rte())


@pytest.fixture(autouse=True)
def no_data_dir(monkeypatch):
    monkeypatch.delenv("INA_DATA_DIR", raising=False)


@pytest.fixture
def sources(monkeypatch):
    """Fakes of the three sources; each has the tasks in its `tasks`."""

    def stand_in(name):
        def find(task, data):
            if task.name not in module.tasks:
                raise FileNotFoundError(f"{name} has {module.tasks}")

        module = ModuleType(f"ina.data.{name}")
        module.tasks, module.find, module.load = ["rte"], find, lambda task, data: both(rte(20))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return module

    found = SimpleNamespace(**{name: stand_in(name) for name in ina.data.SOURCES})
    found.files.data_dir = lambda data: data.dir
    return found


# which source


def test_auto_takes_the_files_of_a_named_folder_else_the_hub_else_the_probe(sources):
    assert ina.data.resolve(RTE, data_config(folder="there")) == "files"
    assert ina.data.resolve(RTE, data_config()) == "hub"
    sources.hub.tasks = []
    assert ina.data.resolve(RTE, data_config()) == "probe"


def test_a_task_that_is_nowhere_is_an_error_that_says_what_each_source_has(sources):
    sources.files.tasks = sources.hub.tasks = sources.probe.tasks = ["cola"]
    for given, told in (
        (data_config(folder="there"), r"has no rte: files has \['cola'\]; data=probe uses the generated suite"),
        (data_config(), r"has no rte: hub has \['cola'\]; probe has \['cola'\]"),
        (data_config("hub"), r"data.source=hub has no rte: hub has \['cola'\]"),
    ):
        with pytest.raises(FileNotFoundError, match=told):
            ina.data.resolve(RTE, given)


@pytest.mark.parametrize("source", ina.data.SOURCES)
def test_a_source_asked_for_by_name_is_taken_whatever_the_others_have(source, sources):
    assert ina.data.load(RTE, data_config(source)).source == source


def test_a_task_that_only_files_can_have_is_taken_from_nowhere_else(sources):
    own = {"label": "", "columns": ["text"], "classes": 2, "headline": "accuracy", "max_length": 128, "family": "glue"}
    with pytest.raises(ValueError, match="task 'snli' is not one of cola, .*squad_v2"):
        ina.data.resolve(GlueTask(name="snli", **own), data_config())
    files = {"folder": "reviews", "label": "verdict", "labels": ["bad", "good"]}
    reviews = GlueTask(name="reviews", files=files, **own)
    with pytest.raises(FileNotFoundError, match=r"has no reviews: files has \['rte'\]$"):
        ina.data.resolve(reviews, data_config())
    sources.files.tasks = ["reviews"]
    assert ina.data.resolve(reviews, data_config()) == "files"
    with pytest.raises(ValueError, match="'reviews' is not one of"):
        ina.data.resolve(reviews, data_config("probe"))


# the form that the rows of every source have


def test_splits_and_columns_that_the_task_does_not_use_are_left_out():
    rows = rte().add_column("genre", ["news"] * 4)
    splits = schema.conform(RTE, datasets.DatasetDict(train=rows, validation=rows, test=rows))
    assert tuple(splits) == ("train", "validation")
    assert splits["train"].features == schema.features(RTE)


# subsets


@pytest.mark.parametrize(
    ("settings", "sizes"), [({"max_train": 5}, (5, 4)), ({"max_train": 2, "select": 0.25}, (2, 5))]
)
def test_max_train_limits_the_training_rows_only_and_counts_what_select_leaves(settings, sizes, sources):
    found = ina.data.load(RTE, data_config(**settings)).splits
    assert (len(found["train"]), len(found["validation"])) == sizes


def test_a_subset_is_pinned_and_nested_in_larger_ones_and_has_all_rows_if_there_are_too_few():
    drawn = [37, 64, 70, 27, 71]  # no release of numpy may change them
    for size in (3, 5):
        assert ina.data.subset(rte(100), size)["idx"][:] == drawn[:size]
    assert ina.data.subset(rte(6), 10)["idx"][:] == list(range(6))


def test_select_puts_training_rows_in_the_place_of_the_dev_rows(sources):
    search = ina.data.load(RTE, data_config(select=0.25)).splits
    assert sorted(search["train"]["idx"][:] + search["validation"]["idx"][:]) == list(range(20))
    assert ina.data.hold_out(both(rte(50)), 0.1)["validation"]["idx"][:] == [2, 9, 29, 38, 40]  # always these
    mnli = datasets.DatasetDict(train=rte(20), validation_matched=rte(4), validation_mismatched=rte(4))
    assert list(ina.data.hold_out(mnli, 0.1)) == ["train", "validation_matched"]


@pytest.mark.parametrize("distractors", [0, 2])
def test_the_questions_about_one_story_of_the_generated_suite_stay_together(distractors):
    squad = task("squad_v1")
    bare = ina.data.load(squad, data_config("probe", distractors=0)).splits["train"]
    story = dict(zip(bare["id"][:], bare["context"][:], strict=True))
    splits = ina.data.load(squad, data_config("probe", distractors=distractors, select=0.2)).splits
    trained, held = ({story[name] for name in splits[split]["id"][:]} for split in ("train", "validation"))
    assert held and not trained & held


def test_sentences_of_held_out_paragraphs_are_not_inserted_into_training(real_data):
    held = [
        ina.data.load(task("squad_v1"), data_config("files", real_data, distractors=count, select=0.2)).splits
        for count in (0, 2)
    ]
    assert held[0]["validation"]["id"][:] == held[1]["validation"]["id"][:]
    sentences = {one for text in held[0]["validation"]["context"][:] for one in text.split(". ") if len(one) > 60}
    assert not any(one in text for text in set(held[1]["train"]["context"][:]) for one in sentences)


def test_the_questions_about_one_paragraph_stay_together():
    contexts = [f"Paragraph {n // 3}." for n in range(30)]
    rows = datasets.Dataset.from_dict({"id": [str(n) for n in range(30)], "context": contexts})
    splits = ina.data.hold_out(datasets.DatasetDict(train=rows, validation=rows), 0.2)
    assert len(splits["validation"]) == 6
    assert not set(splits["train"]["context"]) & set(splits["validation"]["context"])


def test_holding_out_a_share_that_leaves_no_training_rows_is_refused():
    with pytest.raises(ValueError, match="data.select=0.99 leaves nothing to train on: there are 50"):
        ina.data.hold_out(both(rte(50)), 0.99)


# fingerprint


def test_equal_rows_have_an_equal_fingerprint_however_they_are_stored(tmp_path):
    splits = both(rte(20))
    backwards = range(19, -1, -1)
    splits["train"].to_parquet(tmp_path / "train.parquet")
    stored = both(datasets.Dataset.from_parquet(str(tmp_path / "train.parquet"), cache_dir=str(tmp_path)))
    twice_turned = both(rte(20).select(backwards).select(backwards))
    assert schema.fingerprint(splits) == schema.fingerprint(twice_turned) == schema.fingerprint(stored)


def test_any_change_of_content_changes_the_fingerprint(sources):
    changed = [
        rte(20),
        rte(19),
        rte(20, label=[1] + [n % 2 for n in range(1, 20)]),
        rte(20, sentence2=["It is late!"] + ["It is late."] * 19),
        rte(20).select(range(19, -1, -1)),
        ina.data.subset(rte(20), 5),
    ]
    assert len({schema.fingerprint(both(rows)) for rows in changed}) == len(changed)
