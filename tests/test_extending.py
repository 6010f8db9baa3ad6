"""Everything that docs/extending.md shows works as it stands there."""

import re
import shutil

import pytest

from ina import compose, plan, run
from ina.compose import CONFIG_DIR
from ina.config import ConfigError, configured

PAGE = (CONFIG_DIR.parent / "docs" / "extending.md").read_text(encoding="utf-8")


@pytest.fixture
def extended(tmp_path, monkeypatch):
    """A copy of configs/ with the files shown in docs/extending.md, and a folder with its data."""
    folder = tmp_path / "configs"
    shutil.copytree(CONFIG_DIR, folder)
    for name, text in re.findall(r"```yaml\n# configs/(\S+)\n(.*?)```", PAGE, re.S):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(compose, "CONFIG_DIR", folder)
    reviews = tmp_path / "data" / "reviews"
    reviews.mkdir(parents=True)
    rows = ["what a waste of an hour\tbad", "warm and funny\tgood"] * 4
    for split in ("train", "dev"):
        (reviews / f"{split}.tsv").write_text("\n".join(["review\tverdict", *rows]) + "\n", encoding="utf-8")
    return [f"data.dir={tmp_path / 'data'}", f"output_dir={tmp_path / 'out'}", f"results_dir={tmp_path / 'out'}"]


def test_the_method_trains_on_the_task_and_both_are_recorded(extended):
    small = ["model=tiny_bert", "method=hra", "task=reviews", "train.epochs=1", "train.threads=1"]
    result, new = run.run(configured([*small, *extended]))
    assert new and result.id == "tiny_bert--reviews--hra--s1"
    assert (result.source, result.data.rows, result.headline) == ("files", {"train": 8, "validation": 8}, "accuracy")
    assert result.best.metrics.keys() == {"accuracy", "mcc", "f1"}
    assert result.params.adapter == 8 * 32 * 2 * 2  # 8 reflections at query and key of two layers


def test_a_file_with_a_mistake_in_its_yaml_is_named_with_the_line(extended):
    (compose.CONFIG_DIR / "task" / "mine.yaml").write_text("family: glue\n name: mine\n")
    with pytest.raises(ConfigError, match=r'mine\.yaml", line 2'):
        configured(["task=mine"])


@pytest.mark.parametrize(
    "text", ["defaults: [cola]\nmax_length: 64\n", "# @package _global_\ndefaults: [cola]\ntask: {max_length: 64}\n"]
)
def test_a_file_of_a_task_may_build_on_another(extended, text):
    (compose.CONFIG_DIR / "task" / "short.yaml").write_text(text)
    for task in [one.task for one in plan.expand(["task=short", "seed=1,2"])] + [configured(["task=short"]).task]:
        assert (task.name, task.max_length) == ("cola", 64)


@pytest.mark.parametrize("argument", ["r=abc", "r=0"])
def test_arguments_that_peft_refuses_are_named_with_the_method(extended, argument):
    small = ["model=tiny_bert", "method=hra", f"method.arguments.{argument}", "task=reviews", "train.threads=1"]
    with pytest.raises(ValueError, match=r"method=hra: PEFT refuses arguments=\{'r': ('abc'|0)\}: "):
        run.run(configured([*small, *extended]))


def test_the_model_goes_with_the_method_and_the_experiment_is_a_grid_of_fifteen_runs(extended):
    assert configured(["model=roberta_base", "method=hra"]).cell == "roberta_base--cola--hra"
    runs = plan.expand(["experiment=reviews_small", *extended])
    assert len(runs) == 15 and {one.method.name for one in runs} == {"lora", "ina", "hra"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ("task.classes=3", "the number of names must equal `classes`"),
        ("task.headline=pearson", "headline=pearson is not one of accuracy, mcc, f1"),
        ("task.name=cola", "name=cola is a task of GLUE"),
        ("task.columns=[review,review]", "columns=.*: each name may occur only once"),
        ("task.columns=[review,verdict]", "columns=.*: 'verdict' names the label or the row, not a text"),
        ("task.files.labels=[good,good]", "files.labels=.*: each name may occur only once"),
        ("task.files.folder=/my/reviews", "task.files.folder='/my/reviews': "),
    ],
)
def test_a_task_that_contradicts_itself_is_refused(extended, changed, told):
    with pytest.raises(ConfigError, match=told):
        configured(["task=reviews", changed])
