"""Official GLUE, SQuAD and SWAG files are read as distributed, and anything malformed is named."""

import csv
import json
import logging
import os
from pathlib import Path

import pytest
from task_files import data_config, task

import ina.data
from ina import record
from ina.config import DataConfig
from ina.data import files, schema

RUNS = Path(__file__).parent.parent / "results" / "runs"

FOLDERS = {"cola": "CoLA", "sst2": "SST-2", "stsb": "STS-B"}  # other folders are the name in capitals
GLUE = {  # lines of a file, | for a tab; the texts of the first row; the labels
    "cola": ('gj04|1||She said "go.\ncj99|0|*|More the you go.', ['She said "go.'], [1, 0]),
    "sst2": ("sentence|label\nit 's \"good |1\nflat |0", ["it 's \"good "], [1, 0]),
    "mrpc": ('Quality|#1 ID|#2 ID|#1 String|#2 String\n1|7|8|"A" b.|B a.\n0|9|3|C.|D.', ['"A" b.', "B a."], [1, 0]),
    "stsb": (
        "index|genre|filename|year|old_index|source1|source2|sentence1|sentence2|score\n"
        "0|g|f|2012|1|none|none|A plane.|An air plane.|5.000\n1|g|f|2012|2|none|none|A man.|A flute.|3.8",
        ["A plane.", "An air plane."],
        [5.0, 3.8],
    ),
    "qqp": ("id|qid1|qid2|question1|question2|is_duplicate\n5|1|2|A?|B?|0\n6|3|4|C?|D?|1", ["A?", "B?"], [0, 1]),
    "mnli": (
        "index|promptID|pairID|genre|s1_bin|s2_bin|s1_parse|s2_parse|sentence1|sentence2|label1|gold_label\n"
        "0|1|1n|fiction|(|(|(|(|It rains.|It is wet.|contradiction|neutral\n"
        "1|2|2c|fiction|(|(|(|(|It rains.|It is dry.|contradiction|contradiction",
        ["It rains.", "It is wet."],
        [1, 2],
    ),
    "qnli": ("index|question|sentence|label\n0|A?|Yes.|entailment\n1|B?|No.|not_entailment", ["A?", "Yes."], [0, 1]),
    "rte": ("index|sentence1|sentence2|label\n0|A b.|B.|not_entailment\n1|C d.|D.|entailment", ["A b.", "B."], [1, 0]),
    "wnli": ("index|sentence1|sentence2|label\n0|A b.|B.|1\n1|C d.|D.|0", ["A b.", "B."], [1, 0]),
}


def lines_of(name):
    return GLUE[name][0].replace("|", "\t").split("\n")


def write_task(folder, name, lines=None, ending="\n", called=None):
    """Write all files of a task, each with `lines` (default: a valid sample)."""
    folder = folder / (called or FOLDERS.get(name, name.upper()))
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", *(("dev_matched", "dev_mismatched") if name == "mnli" else ("dev",))):
        text = ending.join([*(lines or lines_of(name)), ""])
        (folder / f"{part}.tsv").write_text(text, encoding="utf-8", newline="")
    return folder


def load(name, folder, split="train"):
    return files.load(task(name), data_config("files", folder))[split]


# the folder


@pytest.mark.parametrize(("source", "where"), [("auto", "data.dir"), ("files", "INA_DATA_DIR")])
def test_files_are_found_in_a_named_folder_which_must_exist(source, where, tmp_path, monkeypatch):
    write_task(tmp_path, "rte")
    for folder in (tmp_path, tmp_path / "nowhere"):
        monkeypatch.setenv("INA_DATA_DIR", str(folder if where == "INA_DATA_DIR" else tmp_path / "not asked"))
        config = data_config(source, folder if where == "data.dir" else None)
        if folder == tmp_path:
            assert ina.data.resolve(task("rte"), config) == "files"
        else:
            with pytest.raises(FileNotFoundError, match=f"{where} is '.*nowhere', which is not a folder"):
                ina.data.resolve(task("rte"), config)
    monkeypatch.delenv("INA_DATA_DIR")
    with pytest.raises(FileNotFoundError, match="neither data.dir nor INA_DATA_DIR is set"):
        ina.data.resolve(task("rte"), data_config("files"))


@pytest.mark.parametrize(("name", "called"), [("rte", "rte"), ("sst2", "SST2"), ("sst2", "sst-2"), ("stsb", "sts_b")])
@pytest.mark.parametrize("collection", ["glue", "GLUE", "."])
def test_the_folder_of_a_task_may_have_any_case_and_no_hyphen(name, called, collection, tmp_path):
    write_task(tmp_path / collection, name, called=called)
    assert len(load(name, tmp_path)) == 2


def test_an_error_about_a_missing_or_doubled_folder_or_file_says_where_it_looked_and_what_is_there(tmp_path):
    (write_task(tmp_path, "mnli") / "dev_mismatched.tsv").unlink()
    for called in ("RTE", "rte"):
        write_task(tmp_path, "rte", called=called)
    write_squad(tmp_path, "v1.1", [question()])
    for name, told in (
        ("mnli", "dev_mismatched.tsv is missing; .* holds dev_matched.tsv, train.tsv"),
        ("cola", "looked for .*glue/cola/train.tsv and .*/cola/train.tsv; .* holds MNLI"),
        ("squad_v2", "looked for .*squad/train-v2.0.json and .* holds MNLI, RTE, dev-v1.1.json"),
        ("rte", "holds RTE and rte, both rte; keep one"),
    ):
        with pytest.raises((FileNotFoundError, ValueError), match=told):
            files.find(task(name), data_config("files", tmp_path))


# GLUE


@pytest.mark.parametrize("name", GLUE)
def test_each_glue_task_gets_the_columns_labels_and_types_of_the_hub(name, tmp_path):
    write_task(tmp_path / "glue", name)
    splits = files.load(task(name), data_config("files", tmp_path))
    assert tuple(splits) == schema.split_names(name)
    for rows in splits.values():
        assert rows.features == schema.features(task(name))
        assert [rows[0][column] for column in task(name).columns] == GLUE[name][1]
        assert rows["label"][:] == pytest.approx(GLUE[name][2])
        assert rows["idx"][:] == [0, 1]


SEPARATORS = "a\rb\x0bc\x0cd\x1ce\x85f\u2028g\u2029h"  # line ends to Python, not to the files


def test_only_newlines_end_a_row_and_windows_line_ends_and_byte_order_marks_are_read(tmp_path):
    lines = ["sentence\tlabel", f"{SEPARATORS}\t1"]
    write_task(tmp_path / "a", "sst2", lines)
    write_task(tmp_path / "b", "sst2", ["\ufeff" + lines[0], lines[1]], ending="\r\n")
    assert load("sst2", tmp_path / "a").to_list() == load("sst2", tmp_path / "b").to_list()
    assert load("sst2", tmp_path / "a")["sentence"][:] == [SEPARATORS]


def test_mnli_rows_without_a_gold_label_are_left_out_and_the_others_keep_their_idx(tmp_path):
    header, first, last = lines_of("mnli")
    write_task(tmp_path, "mnli", [header, first, last.removesuffix("contradiction") + "-", last])
    assert load("mnli", tmp_path)["idx"][:] == [0, 2]


@pytest.mark.parametrize(
    ("name", "line", "text", "told"),
    [
        ("sst2", 2, "no label", "line 2: 1 columns in .*no label.* 2 columns"),
        ("sst2", 3, "a\tb\t1", "line 3: 3 columns"),
        ("cola", 1, "gj04\t1\tA sentence.", "line 1: 3 columns .*source"),
        ("cola", 2, "gj04\t2\t\tA sentence.", "line 2: label '2' is not one of 0, 1"),
        ("sst2", 3, " \t1", "line 3: sentence is ' '; it should be a sentence"),
        ("rte", 2, "0\tA b.\tB.\tentails", "line 2: label 'entails' is not one of entailment, not_entailment"),
        ("stsb", 2, "0\tg\tf\t2012\t1\tn\tn\tA.\tB.\t5.1", "line 2: score '5.1' is not a number between 0.0 and 5.0"),
        ("stsb", 2, "0\tg\tf\t2012\t1\tn\tn\tA.\tB.\tnan", "line 2: score 'nan' is not a number"),
        ("stsb", 3, "0\tg\tf\t2012\t1\tn\tn\tA.\tB.\thigh", "line 3: score 'high' is not a number"),
        ("rte", 1, "index\tpremise\tsentence2\tlabel", r"line 1: no column \['sentence1'\] in the header \['index'"),
    ],
)
def test_a_broken_glue_row_is_named_with_file_line_value_and_what_would_be_right(name, line, text, told, tmp_path):
    lines = lines_of(name)
    lines[line - 1] = text
    write_task(tmp_path, name, lines)
    with pytest.raises(ValueError, match=rf"train\.tsv, {told}"):
        load(name, tmp_path)


def test_the_few_torn_rows_of_the_official_qqp_files_are_left_out_and_more_are_an_error(tmp_path, caplog):
    header, *_ = lines_of("qqp")
    rows = [f"{n}\t1\t2\tWhy {n}?\tHow?\t{n % 2}" for n in range(2000)]
    torn = ['7\t1\t2\t"Who', '"\tWho is it?\t0']
    write_task(tmp_path, "qqp", [header, *rows[:1000], *torn, *rows[1000:]])
    with caplog.at_level(logging.WARNING):
        found = load("qqp", tmp_path)
    assert len(found) == 2000 and found[1000]["idx"] == 1002
    assert "left out 2 broken rows" in caplog.text and "line 1002" in caplog.text
    write_task(tmp_path, "qqp", [header, *rows, *torn, "torn"])
    with pytest.raises(ValueError, match="line 2002: 4 columns in"):
        load("qqp", tmp_path)
    write_task(tmp_path, "sst2", ["sentence\tlabel", *["fine\t1"] * 2000, "torn"])
    with pytest.raises(ValueError, match="line 2002: 1 columns in"):
        load("sst2", tmp_path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\n \n", "train.tsv is empty"),
        (b"index\tsentence1\tsentence2\tlabel\n", "train.tsv has a header and no labelled rows"),
        (b"index\tcaf\xe9\n", "train.tsv: byte 9 is not UTF-8"),
    ],
)
def test_a_file_without_rows_or_in_another_encoding_is_named(content, told, tmp_path):
    (write_task(tmp_path, "rte") / "train.tsv").write_bytes(content)
    with pytest.raises(ValueError, match=told):
        load("rte", tmp_path)


# SWAG

SWAG_HEADER = "video-id fold-ind startphrase sent1 sent2 gold-source ending0 ending1 ending2 ending3 label".split()
SCENE = ["v", "1", "She, then, he", 'A man says "hi".', "He", "gold", "runs.", "sits, down.", "eats.", "sings.", "2"]


def write_swag(folder, *changed):
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "val"):
        with open(folder / f"{part}.csv", "w", newline="") as file:
            csv.writer(file).writerows([["", *SWAG_HEADER], *([n, *row] for n, row in enumerate([SCENE, *changed]))])


def scene(**changed):
    return list((dict(zip(SWAG_HEADER, SCENE, strict=True)) | changed).values())


def test_swag_gets_the_columns_of_the_hub(tmp_path):
    separated = {"sent1": "a\rb\nc", "ending0": SEPARATORS}
    write_swag(tmp_path / "SWAG", scene(label="3", **separated))
    rows = load("swag", tmp_path)
    texts = {"sent1": 'A man says "hi".', "sent2": "He", "ending0": "runs.", "ending1": "sits, down."}
    assert rows[0] == texts | {"ending2": "eats.", "ending3": "sings.", "label": 2, "idx": 0}
    assert {name: rows[1][name] for name in separated} == separated and rows["label"][:] == [2, 3]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (scene(label="4"), "line 3: label '4' is not one of 0, 1, 2, 3"),
        (scene(ending2=" "), "line 3: ending2 is ' '"),
        (SCENE[:-1], "line 3: 11 columns"),
    ],
)
def test_a_malformed_row_of_swag_is_named_with_file_line_and_value(changed, told, tmp_path):
    write_swag(tmp_path / "swag", changed)
    with pytest.raises(ValueError, match=f"train.csv, {told}"):
        load("swag", tmp_path)
    header = ",".join(["", *SWAG_HEADER])
    for text, told in (
        (header[:-1], r"line 1: no column \['label'\]"),
        (f'{header}\n"torn', "line 2: .*should be CSV"),
    ):
        (tmp_path / "swag" / "train.csv").write_text(text)
        with pytest.raises(ValueError, match=f"train.csv, {told}"):
            load("swag", tmp_path)


# SQuAD


def question(without=None, **changes):
    answers = [{"text": "Paris", "answer_start": 4}, {"text": "in Paris", "answer_start": 1}]
    fields = {"id": "q1", "question": "Where?", "answers": answers, "is_impossible": False} | changes
    return {name: value for name, value in fields.items() if name != without}


def at(start, text="Paris"):
    return question(answers=[{"text": text, "answer_start": start}])


UNANSWERABLE = question(id="q2", answers=[], is_impossible=True)


def write_squad(folder, version, questions, context=" in Paris, 1900"):
    folder.mkdir(parents=True, exist_ok=True)
    data = [{"title": "Fair", "paragraphs": [{"context": context, "qas": questions}]}]
    for part in ("train", "dev"):
        text = json.dumps({"version": version, "data": data}, ensure_ascii=False)
        (folder / f"{part}-{version}.json").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("place", ["squad", "SQuAD", "."])
def test_squad_gets_the_columns_of_the_hub(place, tmp_path):
    write_squad(tmp_path / place, "v2.0", [question(), UNANSWERABLE])
    write_squad(tmp_path / place, "v1.1", [question("is_impossible")])
    rows = load("squad_v2", tmp_path, "validation")
    assert rows.features == schema.features(task("squad_v2"))
    first = {"title": "Fair", "context": " in Paris, 1900", "question": "Where?", "id": "q1"}
    first["answers"] = {"text": ["Paris", "in Paris"], "answer_start": [4, 1]}
    assert rows.to_list() == [first, first | {"id": "q2", "answers": {"text": [], "answer_start": []}}]
    assert load("squad_v1", tmp_path).to_list() == [first]


def test_unicode_line_separators_stay_in_a_context_and_answers_keep_their_offsets(tmp_path):
    write_squad(tmp_path, "v1.1", [at(len(SEPARATORS) + 4)], context=f"{SEPARATORS} in Paris")
    assert load("squad_v1", tmp_path)["context"][:] == [f"{SEPARATORS} in Paris"]


@pytest.mark.parametrize(
    ("name", "questions", "told"),
    [
        ("squad_v2", [question("is_impossible")], "question q1: is_impossible is None, with 2 answers"),
        ("squad_v2", [question(answers=[])], "question q1: is_impossible is False, with 0 answers"),
        ("squad_v2", [question(is_impossible=True)], "question q1: is_impossible is True, with 2 answers"),
        ("squad_v1", [UNANSWERABLE], "question q2: it has no answers"),
        ("squad_v1", [question("id")], "the first question: .*'id'"),
        ("squad_v1", [question(answers=[{"text": "Paris"}])], "question q1 or the next one: .*'answer_start'"),
        ("squad_v1", [at("4")], "question q1 or the next one: a field is missing or of a wrong type"),
        ("squad_v1", [at(3)], "question q1: answer 'Paris' is not at answer_start 3; there the context has ' Pari'"),
        ("squad_v1", [at(-4, "1900")], "question q1: answer '1900' is not at answer_start -4"),
        ("squad_v1", [at(0, "")], "answer '' is not at"),
        ("squad_v1", [question(question=None)], "question q1: question is None; it should be a text"),
        ("squad_v1", [question(id=[1])], r"question \[1\]: id is \[1\]; it should be a text"),
        ("squad_v1", [], "has no questions"),
        ("squad_v1", [at(4), at(4)], "the id q1 occurs 2 times"),
    ],
)
def test_a_malformed_question_is_named_with_file_id_and_value(name, questions, told, tmp_path):
    write_squad(tmp_path, "v1.1" if name == "squad_v1" else "v2.0", questions)
    with pytest.raises(ValueError, match=rf"train-v...\.json.* {told}"):
        load(name, tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [('{"data":\n [', "line 2: Expecting value; .* JSON object"), ("{}", "'data'"), ("[1]", "wrong type")],
)
def test_a_file_that_is_no_squad_json_is_named(text, told, tmp_path):
    write_squad(tmp_path, "v1.1", [question()])
    (tmp_path / "train-v1.1.json").write_text(text)
    with pytest.raises(ValueError, match=f"train-v1.1.json, .*{told}"):
        load("squad_v1", tmp_path)


# real files


@pytest.mark.parametrize("name", ["cola", "sst2", "stsb", "rte", "mrpc", "squad_v1", "squad_v2"])
def test_the_real_files_are_those_of_the_records(name, real_data):
    if "INA_DATA_DIR" in os.environ and name in ("mrpc", *schema.SQUAD_TASKS):
        pytest.skip("the records have our own splits of the official files")
    experiment = "squad_small" if name in schema.SQUAD_TASKS else "glue_small"
    found = record.read(RUNS / experiment / "files" / f"minilm--{name}--lora--s1.json")
    settings = DataConfig(**found.config["data"] | {"source": "files", "dir": str(real_data)})
    assert ina.data.load(task(name), settings).fingerprint == found.data.fingerprint
