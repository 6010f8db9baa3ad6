"""Score the predictions of a SQuAD run again, in plain Python and without the package.

    python scripts/rescore_squad.py results/runs/<experiment>/files/<id>.json [dev-v2.0.json]

Written from the definitions (Rajpurkar et al. 2016, section 6; 2018, section 5) to check the recorded metrics. The gold
file is by default the one under INA_DATA_DIR. Prints every metric of the best and the last epoch beside the new one;
exit status 1 if any differ.
"""

import argparse
import json
import os
import re
import string
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

TOLERANCE = 1e-9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("record", type=Path)
    parser.add_argument("gold", type=Path, nargs="?")
    arguments = parser.parse_args()
    record = json.loads(arguments.record.read_text(encoding="utf-8"))
    version_2 = record["config"]["task"]["version_2"]
    gold = read_gold(arguments.gold or default_gold(record, version_2))
    rows = pq.read_table(arguments.record.parents[3] / record["predictions"]).to_pylist()
    if {row["id"] for row in rows} != gold.keys() or len(rows) != len(gold):
        sys.exit(f"error: the {len(rows)} predictions are not for the {len(gold)} questions of the gold file")
    print(f"{record['id']}: {len(rows)} questions")
    print(f"{'':24}{'recorded':>20}{'scored again':>20}")
    differing = 0
    for rule in ("best", "last"):
        again = metrics(rows, gold, rule, version_2, record[rule]["metrics"])
        for name, recorded in record[rule]["metrics"].items():
            differs = not abs(recorded - again[name]) <= TOLERANCE  # so that NaN differs
            differing += differs
            print(f"{rule + ' ' + name:24}{recorded:20.12f}{again[name]:20.12f}{'   DIFFERS' if differs else ''}")
    sys.exit(f"{differing} metrics differ" if differing else None)


def default_gold(record: dict, version_2: bool) -> Path:
    folder = os.environ.get("INA_DATA_DIR")
    if record["source"] != "files" or not folder:
        sys.exit(f"error: the data source was {record['source']!r}, INA_DATA_DIR is {folder!r}: name the gold file")
    name = "dev-v2.0.json" if version_2 else "dev-v1.1.json"
    places = [Path(folder) / "squad" / name, Path(folder) / name]
    return next((path for path in places if path.is_file()), places[0])


def read_gold(path: Path) -> dict[str, list[str]]:
    """The answers of each question by its id, none where it is unanswerable."""
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    return {
        question["id"]: [answer["text"] for answer in question["answers"]]
        for article in articles
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    }


def metrics(rows: list[dict], gold: dict, rule: str, version_2: bool, recorded: dict) -> dict[str, float]:
    out = {}
    for name, measure in (("exact", exact), ("f1", f1)):
        scores = {row["id"]: score(measure, row[f"{rule}_text"], gold[row["id"]], version_2) for row in rows}
        out[name] = mean(scores.values())
        if version_2:
            out[f"HasAns_{name}"] = mean(value for key, value in scores.items() if gold[key])
            out[f"NoAns_{name}"] = mean(value for key, value in scores.items() if not gold[key])
            threshold = recorded[f"best_{name}_thresh"]
            spans = [(row[f"{rule}_null_odds"], row[f"{rule}_span"], gold[row["id"]]) for row in rows]
            out[f"best_{name}"] = best_of_all_thresholds(measure, spans)
            # the recorded threshold is right if it gives the best value
            attained = at_threshold(measure, spans, threshold)
            out[f"best_{name}_thresh"] = threshold if abs(attained - out[f"best_{name}"]) < TOLERANCE else float("nan")
    return out


def at_threshold(measure, spans: list[tuple], threshold: float) -> float:
    return mean(score(measure, text if odds <= threshold else "", answers, True) for odds, text, answers in spans)


def best_of_all_thresholds(measure, spans: list[tuple]) -> float:
    total = sum(not answers for _, _, answers in spans)  # nothing is answered
    best = total
    ordered = sorted(spans, key=lambda span: span[0])
    for place, (odds, text, answers) in enumerate(ordered):
        total += score(measure, text, answers, True) - (not answers)
        if place + 1 == len(ordered) or ordered[place + 1][0] != odds:
            best = max(best, total)
    return best / len(spans)


def score(measure, prediction: str, answers: list[str], version_2: bool) -> float:
    if version_2:
        answers = [answer for answer in answers if normalize(answer)] or [""]
    return max(measure(normalize(prediction), normalize(answer), version_2) for answer in answers)


def exact(prediction: str, answer: str, version_2: bool) -> float:
    return float(prediction == answer)


def f1(prediction: str, answer: str, version_2: bool) -> float:
    predicted, wanted = prediction.split(), answer.split()
    if version_2 and not (predicted and wanted):
        return float(predicted == wanted)
    common = sum((Counter(predicted) & Counter(wanted)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(predicted), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def normalize(text: str) -> str:
    text = "".join(character for character in text.lower() if character not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values) if values else float("nan")


if __name__ == "__main__":
    main()
