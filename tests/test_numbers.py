"""Every interval in the prose is one of a committed table, rounded."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ina.tables.outcomes import cell_scores
from ina.tables.study import studies

ROOT = Path(__file__).parent.parent
TABLES = ROOT / "results" / "tables"
NUMBER = r"([+−-]?\d+(?:\.\d+)?)"
INTERVAL = re.compile(rf"(?:{NUMBER}(?: points)?(?: of F1)?:? )?\[{NUMBER}, {NUMBER}\]")
DELETED = ["5.2 [0.9, 9.5]"]  # the first runs of `distractors`; git show d542482:results/tables/distractors-probe
HAIR = 5.1e-5  # a CSV file has four decimals


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def prose(page: str) -> str:
    """The hand-written parts of a page, as one line."""
    text = re.sub(r"<!-- (table|claim): .*?<!-- /\1 -->", "", (ROOT / page).read_text(), flags=re.S)
    return " ".join(text.split())


def unfounded(text: str, table: np.ndarray) -> list[str]:
    """The intervals of a text that are no row of the table: a value, low and high.

    A value without a sign, as in "behind by 2.8", may be that of the other sign. The text names no table, so any row
    will do. A second interval of a difference, as in "4.6: [2.7, 6.4] by itself, and [−0.8, 9.9]", has the number of
    the first.
    """
    found, value = [], ""
    both = np.concatenate([table, -table[:, [0, 2, 1]]])
    for match in INTERVAL.finditer(text):
        value = match[1] or value
        printed = (value, match[2], match[3])
        tolerance = [0.5 * 10.0 ** -len(one.partition(".")[2]) + HAIR for one in printed]
        rows = table if value[0] in "+−-" else both
        if not (np.abs(rows - [number(one) for one in printed]) <= tolerance).all(axis=1).any():
            found.append(f"{value} [{match[2]}, {match[3]}]")
    return found


@pytest.fixture(scope="module")
def table() -> np.ndarray:
    """Value, low and high of each verdict, and of each interval that is printed in a table, also in its remarks."""
    rows = []
    for file in TABLES.glob("*/verdicts.csv"):
        last = pd.read_csv(file).query("selection == 'last'")
        for part in ("", "simultaneous_"):
            rows += last[["difference", f"{part}low", f"{part}high"]].to_numpy().tolist()
    for file in TABLES.glob("*/*.md"):
        printed = re.findall(rf"{NUMBER} \[{NUMBER}, {NUMBER}\]", file.read_text())
        rows += [list(map(number, one)) for one in printed]
    at_higher, at_lower = (studies(ROOT / "results", name)[0] for name in ("sst2_confirm", "sst2_confirm_lower_rate"))
    lora = ("minilm", "sst2", "lora")
    gain = (cell_scores(at_higher, lora, "last") - cell_scores(at_lower, lora, "last")).estimate
    return np.array([*rows, [100 * each for each in (gain.value, *gain.interval())]])


@pytest.mark.parametrize("page", ["README.md", "results/REPORT.md", "results/DETAILS.md", "results/CLAIMS.md"])
def test_every_interval_in_the_prose_is_one_of_a_table(page, table):
    text = prose(page)
    assert len(INTERVAL.findall(text)) >= 5
    assert [found for found in unfounded(text, table) if found not in DELETED] == []


def test_a_changed_digit_is_found():
    table = np.array([[5.8, 1.4, 10.2], [4.6, 2.7, 6.4], [4.6, -0.8, 9.9], [4.1, -1.0, 9.3]])
    for right in ("+5.8 [1.4, 10.2]", "by 4.6: [2.7, 6.4] by itself, and [−0.8, 9.9]", "+4.1 points [−1.0, 9.3]"):
        assert unfounded(right, table) == []
    for wrong in ("+5.9 [1.4, 10.2]", "−5.8 [1.4, 10.2]", "+5.8 [1.4, 10.3]", "4.6: [2.7, 6.4], and [−0.8, 9.8]"):
        assert len(unfounded(wrong, table)) == 1, wrong
