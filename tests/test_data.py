"""One source is picked, checked and fingerprinted, whichever it is."""

import sys
import time
from types import ModuleType, SimpleNamespace

import datasets
import numpy as np
import pytest

import ina.data
from ina.data import schema


def settings(source="auto", folder=None, max_train=None, select=None):
    folder = None if folder is None else str(folder)
    return SimpleNamespace(
        source=source, dir=folder, select=select, max_train=max_train, distractors=2, test_distractors=None
    )


def rte(size=4, **changes):
    """Sound rows of RTE, with some columns changed."""
    columns = {
        "sentence1": [f"It is {n} o'clock." for n in range(size)],
        "sentence2": ["It is late."] * size,
        "label": [n % 2 for n in range(size)],
        "idx": list(range(size)),
    } | changes
    return datasets.Dataset.from_dict(
        columns, schema.features("rte") if set(columns) == set(schema.features("rte")) else None
    )


def both(rows):
    return datasets.DatasetDict(train=rows, validation=rte())


@pytest.fixture(autouse=True)
def no_data_dir(monkeypatch):
    monkeypatch.delenv("INA_DATA_DIR", raising=False)
    monkeypatch.delenv("INA_HUB_DIR", raising=False)


@pytest.fixture
def sources(monkeypatch):
    """Stand-ins for the three sources; each has the tasks in its `tasks`."""

    def stand_in(name, tasks):
        module = ModuleType(f"ina.data.{name}")
        module.tasks = tasks
        module.available = lambda task, data: task in module.tasks
        module.looked_for = lambda task, data: f"{name} has {sorted(module.tasks)}"
        module.load = lambda task, data: both(rte(20))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return module

    found = SimpleNamespace(**{name: stand_in(name, {"rte"}) for name in ina.data.SOURCES})
    found.files.data_dir = lambda data: data.dir
    return found


def write_rte(folder):
    (folder / "RTE").mkdir(parents=True)
    for part in ("train", "dev"):
        text = "index\tsentence1\tsentence2\tlabel\n" + "".join(
            f"{row['idx']}\t{row['sentence1']}\t{row['sentence2']}\t{('entailment', 'not_entailment')[row['label']]}\n"
            for row in rte()
        )
        (folder / "RTE" / f"{part}.tsv").write_text(text)
    return folder


# --- which source -----------------------------------------------------------------------------------------------------


def test_auto_takes_the_files_of_a_named_folder_else_the_hub_else_the_probe(sources):
    assert ina.data.resolve("rte", settings(folder="there")) == "files"
    assert ina.data.resolve("rte", settings()) == "hub"
    sources.hub.tasks = set()
    assert ina.data.resolve("rte", settings()) == "probe"


def test_auto_takes_no_other_source_for_a_task_that_a_named_folder_lacks(sources):
    sources.files.tasks = {"cola"}
    with pytest.raises(FileNotFoundError, match=r"has no rte: files has \['cola'\]; data=probe takes the generated"):
        ina.data.resolve("rte", settings(folder="there"))
    assert ina.data.resolve("rte", settings("probe", folder="there")) == "probe"


def test_auto_without_a_source_that_has_the_task_says_what_each_has(sources):
    sources.hub.tasks = sources.probe.tasks = {"cola"}
    with pytest.raises(FileNotFoundError, match=r"has no rte: hub has \['cola'\]; probe has \['cola'\]"):
        ina.data.resolve("rte", settings())


@pytest.mark.parametrize("source", ina.data.SOURCES)
def test_a_source_asked_for_by_name_is_taken_whatever_the_others_have(source, sources):
    assert ina.data.resolve("rte", settings(source)) == source
    assert ina.data.load("rte", settings(source)).source == source


def test_a_source_asked_for_by_name_that_lacks_the_task_is_an_error_before_anything_loads(sources):
    sources.hub.tasks = {"cola"}
    with pytest.raises(FileNotFoundError, match=r"data.source=hub has no rte: hub has \['cola'\]"):
        ina.data.resolve("rte", settings("hub"))


def test_an_unknown_task_is_named_with_the_known_ones(sources):
    with pytest.raises(ValueError, match="task 'snli' is unknown; there are cola, .*squad_v2"):
        ina.data.resolve("snli", settings())


def test_files_are_found_through_the_environment_and_the_setting_goes_before_it(tmp_path, monkeypatch):
    monkeypatch.setenv("INA_DATA_DIR", str(write_rte(tmp_path)))
    assert ina.data.resolve("rte", settings()) == "files"
    with pytest.raises(FileNotFoundError, match="data.source=files has no rte"):
        (tmp_path / "other").mkdir()
        ina.data.resolve("rte", settings("files", tmp_path / "other"))


@pytest.mark.parametrize("source", ["auto", "files"])
def test_a_data_folder_that_does_not_exist_is_an_error_and_no_other_source_is_taken(source, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="data.dir is '.*nowhere', which is no folder"):
        ina.data.resolve("rte", settings(source, tmp_path / "nowhere"))
    monkeypatch.setenv("INA_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="INA_DATA_DIR is '.*nowhere', which is no folder"):
        ina.data.resolve("rte", settings(source))


def test_files_without_a_folder_say_which_settings_are_missing():
    with pytest.raises(FileNotFoundError, match="neither data.dir nor INA_DATA_DIR is set"):
        ina.data.resolve("rte", settings("files"))


@pytest.mark.parametrize("setting", [dict(distractors=4), dict(test_distractors=[0, 8])])
@pytest.mark.parametrize(("source", "task"), [("files", "squad_v1"), ("hub", "squad_v1"), ("probe", "rte")])
def test_distractors_are_refused_where_there_are_none(setting, source, task, sources):
    getattr(sources, source).tasks = {task}
    given = settings(source)
    vars(given).update(setting)
    (key, value), *_ = setting.items()
    with pytest.raises(ValueError) as error:
        ina.data.resolve(task, given)
    assert str(error.value) == (
        f"data.{key}={value} is for squad_v1 and squad_v2 with data=probe; "
        f"here the task is {task} and the data source {source}"
    )


def test_a_data_folder_is_refused_with_the_hub(sources):
    with pytest.raises(ValueError, match="data.dir=there is not read with data=hub; INA_HUB_DIR names a local copy"):
        ina.data.resolve("rte", settings("hub", folder="there"))


@pytest.mark.parametrize("named", ["data.dir", "INA_DATA_DIR"])
@pytest.mark.parametrize("below", [True, False], ids=["too high", "too low"])
def test_a_folder_one_level_off_is_an_error_that_names_the_right_one(named, below, tmp_path, monkeypatch):
    right = write_rte(tmp_path / "mine") if below else write_rte(tmp_path)
    wrong = tmp_path if below else tmp_path / "RTE"
    monkeypatch.setenv("INA_DATA_DIR", str(wrong) if named == "INA_DATA_DIR" else "")
    with pytest.raises(FileNotFoundError) as error:
        ina.data.resolve("rte", settings(folder=wrong if named == "data.dir" else None))
    assert str(error.value) == (
        f"data.source=auto has no rte: looked for {wrong}/glue/RTE or {wrong}/RTE; "
        f"{wrong} holds {'mine' if below else 'dev.tsv, train.tsv'}; rte is in {right}: set {named}={right}; "
        "data=probe takes the generated suite instead"
    )


# --- what every source has to fulfil ----------------------------------------------------------------------------------


def test_splits_and_columns_beyond_the_task_s_are_left_out():
    rows = rte().add_column("genre", ["news"] * 4)
    splits = schema.conform("rte", datasets.DatasetDict(train=rows, validation=rows, test=rows), "probe")
    assert tuple(splits) == ("train", "validation")
    assert splits["train"].features == schema.features("rte")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (rte().remove_columns("sentence2"), r"split train: no column \['sentence2'\]; the columns are \['sentence1', "),
        (rte(0), "split train: no rows"),
        (rte(label=[0, 1, 2, 1]), "split train, row 2: label 2 is not between 0 and 1"),
        (rte(label=[0, -1, 1, 1]), "split train, row 1: label -1 is not between 0 and 1"),
        (rte(idx=[0, 1, 7, 1]), "split train, row 3: idx 1 is already that of row 1"),
    ],
)
def test_what_a_source_gives_wrong_is_named_with_source_split_row_and_value(rows, message):
    with pytest.raises(ValueError, match=f"probe: rte, {message}"):
        schema.conform("rte", both(rows), "probe")


def test_a_missing_split_is_named_with_the_ones_there():
    with pytest.raises(ValueError, match=r"hub: rte, split validation: not there; the splits are \['train'\]"):
        schema.conform("rte", datasets.DatasetDict(train=rte()), "hub")


@pytest.mark.parametrize("score", [-0.1, 5.1, float("nan")])
def test_a_score_outside_0_to_5_is_named(score):
    columns = {"sentence1": ["A"], "sentence2": ["B"], "label": [score], "idx": [0]}
    rows = datasets.Dataset.from_dict(columns, schema.features("stsb"))
    with pytest.raises(ValueError, match="hub: stsb, split train, row 0: label .* is not between 0.0 and 5.0"):
        schema.conform("stsb", datasets.DatasetDict(train=rows, validation=rows), "hub")


def test_a_question_id_that_occurs_twice_is_named():
    answers = [{"text": [], "answer_start": []}] * 2
    columns = {name: ["x", "x"] for name in ("id", "title", "context", "question")} | {"answers": answers}
    rows = datasets.Dataset.from_dict(columns, schema.features("squad_v2"))
    with pytest.raises(ValueError, match="probe: squad_v2, split train, row 1: id 'x' is already that of row 0"):
        schema.conform("squad_v2", datasets.DatasetDict(train=rows, validation=rows), "probe")


# --- subset -----------------------------------------------------------------------------------------------------------


def test_max_train_limits_the_training_rows_only_and_always_to_the_same_ones(sources):
    first, again = (ina.data.load("rte", settings(max_train=5)) for _ in range(2))
    assert len(first.splits["train"]) == 5 and len(first.splits["validation"]) == 4
    assert first.splits["train"].to_list() == again.splits["train"].to_list()


def test_a_subset_is_pinned_and_part_of_a_larger_one_and_of_too_few_rows_all_are_taken():
    drawn = [37, 64, 70, 27, 71]  # no release of numpy may change them
    for size in (3, 5):
        assert ina.data.subset(rte(100), size)["idx"][:] == drawn[:size]
    assert ina.data.subset(rte(6), 10)["idx"][:] == list(range(6))


# --- select -----------------------------------------------------------------------------------------------------------


def test_select_puts_training_rows_in_the_place_of_the_dev_rows(sources):
    usual = ina.data.load("rte", settings())
    search = ina.data.load("rte", settings(select=0.25))
    train, dev = (search.splits[split].to_list() for split in ("train", "validation"))
    assert len(dev) == round(0.25 * len(usual.splits["train"]))
    assert sorted(map(str, train + dev)) == sorted(map(str, usual.splits["train"].to_list()))
    assert search.fingerprint != usual.fingerprint


def test_the_selected_rows_are_always_the_same_whatever_max_train_is():
    first, again = (ina.data.hold_out(both(rte(50)), 0.1)["validation"]["idx"][:] for _ in range(2))
    assert first == again and len(first) == 5


def test_max_train_counts_the_rows_that_select_leaves(sources):
    assert len(ina.data.load("rte", settings(select=0.25, max_train=2)).splits["train"]) == 2


def test_the_questions_about_one_paragraph_stay_together():
    contexts = [f"Paragraph {n // 3}." for n in range(30)]
    rows = datasets.Dataset.from_dict({"id": [str(n) for n in range(30)], "context": contexts})
    splits = ina.data.hold_out(datasets.DatasetDict(train=rows, validation=rows), 0.2)
    assert len(splits["validation"]) == 6
    assert not set(splits["train"]["context"]) & set(splits["validation"]["context"])


def test_of_two_dev_splits_the_first_is_replaced_and_the_other_left_out():
    splits = datasets.DatasetDict(train=rte(20), validation_matched=rte(4), validation_mismatched=rte(4))
    assert list(ina.data.hold_out(splits, 0.1)) == ["train", "validation_matched"]


def test_a_share_that_leaves_nothing_to_train_on_is_refused():
    with pytest.raises(ValueError, match="data.select=0.96 leaves no row to train on"):
        ina.data.hold_out(both(rte(10)), 0.96)
    assert len(ina.data.hold_out(both(rte(10)), 0.94)["train"]) == 1


# --- fingerprint ------------------------------------------------------------------------------------------------------


def test_equal_rows_have_an_equal_fingerprint_however_they_are_stored(tmp_path):
    splits = both(rte(20))
    shuffled = both(rte(20).select(range(19, -1, -1)).select(range(19, -1, -1)))
    splits["train"].to_parquet(tmp_path / "train.parquet")
    stored = both(datasets.Dataset.from_parquet(str(tmp_path / "train.parquet"), cache_dir=str(tmp_path)))
    assert schema.fingerprint(splits) == schema.fingerprint(shuffled) == schema.fingerprint(stored)


@pytest.mark.parametrize(
    "rows",
    [
        rte(19),
        rte(20, label=[1] + [n % 2 for n in range(1, 20)]),
        rte(20, sentence2=["It is late!"] + ["It is late."] * 19),
        rte(20).select(range(19, -1, -1)),
    ],
    ids=["a row less", "a label", "a letter", "the order"],
)
def test_any_change_of_content_changes_the_fingerprint(rows):
    assert schema.fingerprint(both(rows)) != schema.fingerprint(both(rte(20)))


def test_the_fingerprint_tells_subsets_apart(sources):
    prints = {ina.data.load("rte", settings(max_train=size)).fingerprint for size in (5, 6, None)}
    assert len(prints) == 3


def test_the_fingerprint_of_sst2_takes_less_than_two_seconds(real_data):
    splits = ina.data.load("sst2", settings("files", real_data)).splits
    start = time.perf_counter()
    schema.fingerprint(splits)
    assert time.perf_counter() - start < 2


def test_a_score_keeps_its_single_precision_in_the_fingerprint():
    columns = {"sentence1": ["A"], "sentence2": ["B"], "idx": [0]}
    given, widened = (
        datasets.Dataset.from_dict(columns | {"label": [score]}, schema.features("stsb"))
        for score in (3.8, float(np.float32(3.8)))
    )
    assert schema.fingerprint(both(given)) == schema.fingerprint(both(widened))
