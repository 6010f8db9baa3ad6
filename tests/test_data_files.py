"""Official GLUE and SQuAD files are read as distributed, and anything malformed is named."""

import json
import logging
import time
from types import SimpleNamespace

import pytest

from ina.data import files, schema

GLUE_FILES = {
    "cola": ("CoLA", ['gj04\t1\t\tShe said "go.', "cj99\t0\t*\tMore the you go."], [1, 0]),
    "sst2": ("SST-2", ["sentence\tlabel", "it 's \"good \t1", "flat \t0"], [1, 0]),
    "mrpc": (
        "MRPC",
        ["Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", '1\t7\t8\t"A" b.\tB a.', "0\t9\t3\tC.\tD."],
        [1, 0],
    ),
    "stsb": (
        "STS-B",
        [
            "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore",
            "0\tg\tf\t2012\t1\tnone\tnone\tA plane.\tAn air plane.\t5.000",
            "1\tg\tf\t2012\t2\tnone\tnone\tA man.\tA flute.\t3.8",
        ],
        [5.0, 3.8],
    ),
    "qqp": (
        "QQP",
        [
            "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
            "5\t1\t2\tWhy?\tHow?\t0",
            "6\t3\t4\tWho?\tWho is it?\t1",
        ],
        [0, 1],
    ),
    "mnli": (
        "MNLI",
        [
            "index\tpromptID\tpairID\tgenre\ts1_bin\ts2_bin\ts1_parse\ts2_parse\tsentence1\tsentence2\tlabel1\tgold_label",
            "0\t1\t1n\tfiction\t(\t(\t(\t(\tIt rains.\tIt is wet.\tneutral\tneutral",
            "1\t2\t2c\tfiction\t(\t(\t(\t(\tIt rains.\tIt is dry.\tcontradiction\tcontradiction",
            "2\t3\t3e\tfiction\t(\t(\t(\t(\tIt rains.\tRain falls.\tentailment\tentailment",
        ],
        [1, 2, 0],
    ),
    "qnli": (
        "QNLI",
        ["index\tquestion\tsentence\tlabel", "0\tWho?\tShe.\tentailment", "1\tWhy?\tNo.\tnot_entailment"],
        [0, 1],
    ),
    "rte": (
        "RTE",
        ["index\tsentence1\tsentence2\tlabel", "0\tA b.\tB.\tnot_entailment", "1\tC d.\tD.\tentailment"],
        [1, 0],
    ),
    "wnli": ("WNLI", ["index\tsentence1\tsentence2\tlabel", "0\tA b.\tB.\t1", "1\tC d.\tD.\t0"], [1, 0]),
}
DEV = {"mnli": ("dev_matched", "dev_mismatched")}


def settings(folder):
    return SimpleNamespace(
        source="files", dir=str(folder), select=None, max_train=None, distractors=2, test_distractors=None
    )


def write_glue(folder, task, lines=None, ending="\n"):
    """All files of a task, `lines` (default: a sound sample) in each."""
    name, sample, _ = GLUE_FILES[task]
    (folder / name).mkdir(parents=True, exist_ok=True)
    for part in ("train", *DEV.get(task, ("dev",))):
        text = ending.join([*(sample if lines is None else lines), ""])
        (folder / name / f"{part}.tsv").write_text(text, encoding="utf-8", newline="")
    return folder


def question(**changes):
    answers = [{"text": "Paris", "answer_start": 4}, {"text": "in Paris", "answer_start": 1}]
    return {"id": "q1", "question": "Where?", "answers": answers, "is_impossible": False} | changes


UNANSWERABLE = question(id="q2", answers=[], is_impossible=True)


def write_squad(folder, version, questions, context=" in Paris, 1900"):
    folder.mkdir(parents=True, exist_ok=True)
    data = [{"title": "Fair", "paragraphs": [{"context": context, "qas": questions}]}]
    for part in ("train", "dev"):
        (folder / f"{part}-{version}.json").write_text(
            json.dumps({"version": version, "data": data}, ensure_ascii=False), encoding="utf-8"
        )
    return folder


# --- GLUE -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", GLUE_FILES)
def test_each_glue_task_gets_the_columns_labels_and_types_of_the_hub(task, tmp_path):
    splits = files.load(task, settings(write_glue(tmp_path / "glue", task).parent))
    assert tuple(splits) == schema.split_names(task)
    for rows in splits.values():
        assert rows.features == schema.features(task)
        assert rows["label"][:] == pytest.approx(GLUE_FILES[task][2])
        assert rows["idx"][:] == list(range(len(rows)))


@pytest.mark.parametrize(
    ("task", "name"),
    [("rte", "rte"), ("sst2", "SST2"), ("sst2", "sst-2"), ("stsb", "STSB"), ("stsb", "sts_b"), ("cola", "COLA")],
)
@pytest.mark.parametrize("collection", ["glue", "GLUE", "."])
def test_the_folder_of_a_task_may_have_any_case_and_no_hyphen(task, name, collection, tmp_path):
    folder = write_glue(tmp_path / collection, task)
    (folder / GLUE_FILES[task][0]).rename(folder / name)
    assert files.available(task, settings(tmp_path))
    assert len(files.load(task, settings(tmp_path))["train"]) == 2


def test_two_spellings_of_a_task_s_folder_are_refused(tmp_path):
    write_glue(tmp_path, "rte")
    (tmp_path / "rte").mkdir()
    with pytest.raises(ValueError, match="holds RTE and rte, both rte; keep one"):
        files.available("rte", settings(tmp_path))


def test_quotes_and_outer_spaces_are_literal(tmp_path):
    folder = write_glue(tmp_path, "sst2")
    assert files.load("sst2", settings(folder))["train"]["sentence"][:] == ["it 's \"good ", "flat "]


def test_texts_come_from_the_named_columns(tmp_path):
    row = files.load("mnli", settings(write_glue(tmp_path, "mnli")))["validation_mismatched"][2]
    assert row == {"premise": "It rains.", "hypothesis": "Rain falls.", "label": 0, "idx": 2}
    row = files.load("mrpc", settings(write_glue(tmp_path, "mrpc")))["train"][0]
    assert row == {"sentence1": '"A" b.', "sentence2": "B a.", "label": 1, "idx": 0}


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path):
    plain = files.load("wnli", settings(write_glue(tmp_path / "a", "wnli")))
    lines = GLUE_FILES["wnli"][1]
    marked = write_glue(tmp_path / "b", "wnli", ["\ufeff" + lines[0], *lines[1:]], ending="\r\n")
    assert files.load("wnli", settings(marked))["train"].to_list() == plain["train"].to_list()


SEPARATORS = "a\rb\x0bc\x0cd\x1ce\x85f\u2028g\u2029h"  # line ends to Python, not to the files


def test_nothing_but_a_newline_ends_a_row(tmp_path):
    folder = write_glue(tmp_path, "sst2", ["sentence\tlabel", f"{SEPARATORS}\t1"])
    assert files.load("sst2", settings(folder))["train"]["sentence"][:] == [SEPARATORS]


def test_separators_stay_in_a_context_and_move_no_answer(tmp_path):
    answers = [{"text": "Paris", "answer_start": len(SEPARATORS) + 4}]
    write_squad(tmp_path, "v1.1", [question(answers=answers)], context=f"{SEPARATORS} in Paris")
    assert files.load("squad_v1", settings(tmp_path))["train"]["context"][:] == [f"{SEPARATORS} in Paris"]


def test_mnli_rows_without_a_gold_label_are_left_out_and_the_others_keep_their_idx(tmp_path):
    lines = list(GLUE_FILES["mnli"][1])
    lines[2] = lines[2].removesuffix("contradiction") + "-"
    assert files.load("mnli", settings(write_glue(tmp_path, "mnli", lines)))["train"]["idx"][:] == [0, 2]


@pytest.mark.parametrize(
    ("task", "line", "text", "message"),
    [
        ("sst2", 2, "no label", "line 2: 1 columns in 'no label'.* 2 columns"),
        ("sst2", 3, "a\tb\t1", r"line 3: 3 columns in 'a\\tb\\t1'"),
        ("sst2", 3, "", "line 3: 1 columns"),
        ("cola", 1, "gj04\t1\tA sentence.", "line 1: 3 columns .*source"),
        ("cola", 2, "gj04\t2\t\tA sentence.", "line 2: label '2' is none of 0, 1"),
        ("sst2", 3, " \t1", "line 3: sentence is ' '; it should be a sentence"),
        ("rte", 2, "0\tA b.\tB.\tentails", "line 2: label 'entails' is none of entailment, not_entailment"),
        ("qqp", 2, "5\t1\t2\tWhy?\tHow?\tyes", "line 2: label 'yes' is none of 0, 1"),
        ("qqp", 3, "5\t1\t2\tWhy?", "line 3: 4 columns"),
        ("stsb", 2, "0\tg\tf\t2012\t1\tn\tn\tA.\tB.\t5.1", "line 2: score 5.1 is not between 0.0 and 5.0"),
        ("stsb", 2, "0\tg\tf\t2012\t1\tn\tn\tA.\tB.\tnan", "line 2: score nan is not between"),
        ("stsb", 3, "0\tg\tf\t2012\t1\tn\tn\tA.\tB.\thigh", "line 3: score 'high' is no number"),
        ("rte", 1, "index\tpremise\tsentence2\tlabel", r"line 1: no column \['sentence1'\] in the header \['index'"),
        ("sst2", 1, "a first row without header\t1", r"line 1: no column \['sentence', 'label'\]"),
    ],
)
def test_a_broken_glue_row_is_named_with_file_line_value_and_what_would_be_right(task, line, text, message, tmp_path):
    lines = list(GLUE_FILES[task][1])
    lines[line - 1] = text
    folder = write_glue(tmp_path, task, lines)
    with pytest.raises(ValueError, match=rf"train\.tsv, {message}"):
        files.load(task, settings(folder))


def qqp_with(broken):
    rows = [f"{n}\t1\t2\tWhy {n}?\tHow?\t{n % 2}" for n in range(2000)]
    return [GLUE_FILES["qqp"][1][0], *rows[:1000], *broken, *rows[1000:]]


def test_the_few_torn_rows_of_the_official_qqp_files_are_left_out_with_a_warning(tmp_path, caplog):
    folder = write_glue(tmp_path, "qqp", qqp_with(['7\t1\t2\t"Who', '"\tWho is it?\t0']))
    with caplog.at_level(logging.WARNING):
        rows = files.load("qqp", settings(folder))["train"]
    assert len(rows) == 2000 and rows[1000]["idx"] == 1002
    assert "left out 2 broken rows" in caplog.text and "line 1002" in caplog.text


def test_a_qqp_file_with_more_than_a_few_torn_rows_is_damaged(tmp_path):
    folder = write_glue(tmp_path, "qqp", qqp_with(["torn"] * 3))
    with pytest.raises(ValueError, match="line 1002: 1 columns in 'torn'"):
        files.load("qqp", settings(folder))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "train.tsv is empty"),
        (b"\n \n", "train.tsv is empty"),
        (b"index\tsentence1\tsentence2\tlabel\n", "train.tsv has a header and no labelled rows"),
        (b"index\tcaf\xe9\n", "train.tsv: byte 9 is not UTF-8"),
    ],
)
def test_a_file_without_rows_or_in_another_encoding_is_named(content, message, tmp_path):
    folder = write_glue(tmp_path, "rte")
    (folder / "RTE" / "train.tsv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        files.load("rte", settings(folder))


def test_a_missing_file_is_named_with_what_is_there(tmp_path):
    folder = write_glue(tmp_path, "mnli")
    (folder / "MNLI" / "dev_mismatched.tsv").unlink()
    assert files.available("mnli", settings(folder)), "a task that is there in part must not fall through to the hub"
    with pytest.raises(FileNotFoundError, match="dev_mismatched.tsv is missing; .* holds dev_matched.tsv, train.tsv"):
        files.load("mnli", settings(folder))


def test_a_missing_task_is_named_with_where_it_was_looked_for_and_what_is_there(tmp_path):
    folder = write_glue(tmp_path, "rte")
    assert not files.available("cola", settings(folder))
    with pytest.raises(FileNotFoundError, match="looked for .*glue/CoLA or .*CoLA; .* holds RTE"):
        files.load("cola", settings(folder))


def test_a_file_of_the_size_of_qqp_is_read_within_seconds(tmp_path):
    rows = [f"{n}\t1\t2\tWhat is the answer to question {n} of many?\tWhy?\t{n % 2}" for n in range(364_000)]
    path = write_glue(tmp_path, "qqp", [GLUE_FILES["qqp"][1][0], *rows]) / "QQP" / "train.tsv"
    start = time.perf_counter()
    columns = files.read_glue("qqp", path)
    assert len(columns["label"]) == 364_000
    assert time.perf_counter() - start < 10


# --- SQuAD ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["squad", "SQuAD", "."])
def test_squad_v2_gets_the_columns_of_the_hub(place, tmp_path):
    write_squad(tmp_path / place, "v2.0", [question(), UNANSWERABLE])
    splits = files.load("squad_v2", settings(tmp_path))
    assert tuple(splits) == ("train", "validation")
    assert splits["train"].features == schema.features("squad_v2")
    both = {"title": "Fair", "context": " in Paris, 1900", "question": "Where?"}
    assert splits["validation"].to_list() == [
        both | {"id": "q1", "answers": {"text": ["Paris", "in Paris"], "answer_start": [4, 1]}},
        both | {"id": "q2", "answers": {"text": [], "answer_start": []}},
    ]


def test_squad_v1_needs_no_is_impossible(tmp_path):
    entry = {name: value for name, value in question().items() if name != "is_impossible"}
    rows = files.load("squad_v1", settings(write_squad(tmp_path, "v1.1", [entry])))["train"]
    assert rows["answers"][0] == {"text": ["Paris", "in Paris"], "answer_start": [4, 1]}


MISPLACED = question(answers=[{"text": "Paris", "answer_start": 3}])


def without(name):
    return {key: value for key, value in question().items() if key != name}


@pytest.mark.parametrize(
    ("task", "questions", "message"),
    [
        ("squad_v2", [without("is_impossible")], "question q1: no field 'is_impossible'; the fields are"),
        ("squad_v1", [without("id")], r"data\[0\].paragraphs\[0\].qas\[0\]: no field 'id'"),
        ("squad_v1", [without("answers")], "question q1: no field 'answers'"),
        ("squad_v1", [question(question=None)], "question q1: question is 'None'; it should be of type str"),
        ("squad_v1", [question(), question()], "question q1: this id occurs twice"),
        ("squad_v1", [MISPLACED], "q1: answer 'Paris' is not at answer_start 3; there the context has ' Pari'"),
        ("squad_v1", [question(answers=[{"text": "1900", "answer_start": -4}])], "'1900' is not at answer_start -4"),
        ("squad_v1", [question(answers=[{"text": "", "answer_start": 0}])], "answer '' is not at"),
        ("squad_v1", [question(answers=[{"text": "Paris"}])], "question q1: no field 'answer_start'"),
        ("squad_v1", [question(answers=[])], "question q1: answerable, but without answers"),
        ("squad_v2", [question(answers=[])], "question q1: answerable, but without answers"),
        ("squad_v2", [question(is_impossible=True)], "question q1: is_impossible is true, but it has 2 answers"),
        ("squad_v1", [UNANSWERABLE], "question q2: is_impossible is true, which makes this a v2.0 file"),
        ("squad_v1", [], "train-v1.1.json has no questions"),
        ("squad_v1", ["Where?"], r"qas\[0\]: no field 'id'; it is 'Where\?'"),
    ],
)
def test_a_malformed_question_is_named_with_file_id_and_value(task, questions, message, tmp_path):
    version = files.SQUAD_VERSIONS[task]
    folder = write_squad(tmp_path, version, questions)
    with pytest.raises(ValueError, match=message) as error:
        files.load(task, settings(folder))
    assert str(folder / f"train-{version}.json") in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"data":\n [', "train-v1.1.json, line 2: Expecting value; the file should be one JSON object"),
        ('{"version": "1.1"}', r"no field 'data'; the fields are \['version'\]"),
        ("[1]", "no field 'data'"),
        ("", "is empty"),
    ],
)
def test_a_file_that_is_no_squad_json_is_named(text, message, tmp_path):
    folder = write_squad(tmp_path, "v1.1", [question()])
    (folder / "train-v1.1.json").write_text(text)
    with pytest.raises(ValueError, match=message):
        files.load("squad_v1", settings(folder))


def test_a_missing_squad_file_is_named_with_what_is_there(tmp_path):
    folder = write_squad(tmp_path, "v1.1", [question()])
    (folder / "train-v1.1.json").unlink()
    assert files.available("squad_v1", settings(folder)) and not files.available("squad_v2", settings(folder))
    with pytest.raises(FileNotFoundError, match="train-v1.1.json is missing; .* holds dev-v1.1.json"):
        files.load("squad_v1", settings(folder))
    with pytest.raises(FileNotFoundError, match="looked for .*squad/train-v2.0.json.* holds dev-v1.1.json"):
        files.load("squad_v2", settings(folder))


# --- real files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "rows"),
    [
        ("cola", (8551, 1043)),
        ("sst2", (67349, 872)),
        ("mrpc", (3668, 408)),
        ("stsb", (5749, 1500)),
        ("rte", (2490, 277)),
    ],
)
def test_the_real_glue_files_are_read_whole(task, rows, real_data):
    splits = files.load(task, settings(real_data))
    assert (len(splits["train"]), len(splits["validation"])) == rows


def test_the_answerable_questions_of_the_real_squad_files_are_those_of_v1(real_data):
    v1, v2 = (files.load(task, settings(real_data))["validation"] for task in schema.SQUAD_TASKS)
    assert set(v1["id"]) <= {row["id"] for row in v2 if row["answers"]["text"]}
