"""What the pages show runs as it stands there: Python blocks and command lines."""

import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import peft
import pytest
import torch
from torch import nn
from transformers import AutoModel, LlamaConfig, LlamaForCausalLM

from ina import InaConfig, models, plan, status, tiny
from ina.adapter import InaLinear
from ina.analysis import __main__ as analysis
from ina.compose import CONFIG_DIR, options
from ina.config import configured
from ina.tables import __main__ as tables
from ina.tasks import Head

ROOT = CONFIG_DIR.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
BLOCKS = {name: re.findall(r"```python\n(.*?)```", text, re.S) for name, text in TEXTS.items()}


def tiny_folder(folder: Path, family: str, model: nn.Module | None = None) -> str:
    """The folder, with a tiny model of the family and its tokenizer in it."""
    tiny.tokenizer(family).save_pretrained(folder)
    (model or AutoModel.from_config(tiny.config(family))).save_pretrained(folder)
    return str(folder)


# Python blocks


def test_every_python_block_of_the_pages_is_tested_here_or_in_the_tests_of_the_adapter():
    counts = {name: len(blocks) for name, blocks in BLOCKS.items() if blocks}
    assert counts == {"README.md": 1, "method.md": 2, "reading-results.md": 1}


def test_the_lines_of_the_readme_adapt_a_model_save_it_and_open_it_in_another_program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [block] = BLOCKS["README.md"]
    block = block.replace("FacebookAI/roberta-base", tiny_folder(tmp_path / "base", "roberta"))
    *before, save, load = block.splitlines()
    here: dict = {}
    exec("\n".join(before), here)
    trained = here["model"].eval()
    sites = [module for module in trained.modules() if isinstance(module, InaLinear)]
    assert len(sites) == 2 * 2, "query and key of two layers"
    for site in sites:
        nn.init.normal_(site.ina_B["default"].weight)
    exec(save, here)
    there: dict = {}
    exec("\n".join(line for line in before if not line.startswith("model")), there)
    exec(load, there)
    ids = torch.arange(5, 17).view(2, 6)
    assert torch.equal(there["model"].eval()(ids).logits, trained(ids).logits)


def test_the_lines_of_the_page_on_the_method_train_a_language_model_and_generate(tmp_path, capsys):
    [lines] = [block for block in BLOCKS["method.md"] if "AutoModelForCausalLM" in block]
    shape = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, bos_token_id=0)
    llama = LlamaConfig(**shape, vocab_size=len(tiny.tokenizer("roberta")), eos_token_id=None)
    folder = tiny_folder(tmp_path, "roberta", LlamaForCausalLM(llama))
    made = {"peft": peft, "InaConfig": InaConfig}
    exec(lines.replace("meta-llama/Llama-3.2-1B", folder), made)
    assert capsys.readouterr().out.startswith("<s>I put my red bag in the black bag.")
    trained = {
        name.split(".ina_")[0].split(".")[-1] for name, w in made["model"].named_parameters() if w.grad is not None
    }
    assert trained == {"q_proj", "k_proj"}


def test_the_lines_of_the_page_on_results_give_the_means_of_the_table(monkeypatch):
    monkeypatch.chdir(ROOT)
    [block] = BLOCKS["reading-results.md"]
    *lines, last = block.splitlines()
    made: dict = {}
    exec("\n".join(lines), made)
    means = eval(last, made)["mean"]
    table = pd.read_csv(ROOT / "results/tables/glue_small-files/scores.csv")
    cell = "selection == 'last' and method == 'ina' and task == 'mrpc' and metric == 'accuracy'"
    assert [100 * means["mrpc", "InA (Inh 0.3)"]] == pytest.approx(table.query(cell)["mean"].tolist(), abs=1e-4)


# command lines


def command_lines(of: str) -> list[str]:
    """What follows a command in the help, in the pages and in comments of configs.

    Without searches over intervals, which are no list of runs, and what docs/extending.md makes up.
    """
    text = "\n".join([*TEXTS.values(), *(path.read_text() for path in CONFIG_DIR.rglob("*.yaml"))])
    found = re.findall(rf"{of}((?: [^\s`]*[^\s`,;.)\]])+)", re.sub(r"\\\n *", "", text))
    lines = {" ".join(line.split(" #")[0].split()) for line in found}
    return sorted(line for line in lines if not re.search("optuna|reviews|…", line))


RUN = r"(?:(?:python -m|torchrun.* -m|accelerate launch -m) ina\.run|scripts/preflight\.py)"


@pytest.mark.parametrize("line", [line for line in command_lines(RUN) if "=" in line])
def test_every_documented_command_line_expands_into_runs(line):
    given = [text for text in shlex.split(line) if "=" in text]
    few = [] if "seed=" in line else ["seed=1"]
    assert plan.expand([*given, *few])


@pytest.mark.parametrize("line", [line for line in command_lines(r"python -m ina\.status") if "=" in line])
def test_the_documented_lines_of_status_name_runs(line, monkeypatch):
    shown: list = []
    monkeypatch.setattr(plan, "source", lambda runs: "files")
    monkeypatch.setattr(status, "_print_states", lambda runs, source: shown.extend(runs))
    monkeypatch.setattr(sys, "argv", ["ina.status", *shlex.split(line)])
    status.main()
    assert len(shown) > 1


@pytest.mark.parametrize("line", command_lines(r"python -m ina\.tables"))
def test_the_documented_lines_of_tables_name_experiments(line, monkeypatch):
    asked: list = []
    monkeypatch.setattr(tables, "_tables", asked.append)
    tables.main(shlex.split(line))
    assert asked[0].experiment in {"adhoc", *options("experiment")}


@pytest.mark.parametrize("line", command_lines(r"python -m ina\.analysis"))
def test_the_documented_lines_of_the_analysis_ask_for_a_passage_or_an_experiment(line, tmp_path, monkeypatch):
    def opened(folder):
        return SimpleNamespace(answer=lambda passage: sys.exit(f"{folder.name}: {passage.question}"))

    monkeypatch.chdir(tmp_path)  # where no model is kept
    monkeypatch.setattr(analysis.measure, "TrainedModel", opened)
    with pytest.raises(SystemExit, match="no model of experiment 'adhoc'|ina--s1: What is the colour of my bag?"):
        analysis.main(shlex.split(line))


def test_a_folder_on_disk_is_a_model_without_a_file_of_its_own(tmp_path):
    [line] = re.findall(r"`(model=bert_base model\.path=[^`]*)`", TEXTS["extending.md"].replace("\n", " "))
    cfg = configured(shlex.split(line.replace("my/bert", tiny_folder(tmp_path / "bert", "bert"))))
    assert (cfg.id, cfg.model.label) == ("my_bert--cola--ina--s1", "My BERT")
    assert models.load(cfg.model, Head("classification", 2), seed=1).config.hidden_size == 32
