"""The site: it builds strictly from any folder of results, and works from a file system in a browser."""

import contextlib
import json
import re
from pathlib import Path

import chromium
import numpy as np
import pandas as pd
import pytest
from made_up import rewrite, write_levels, write_run, write_study
from task_files import task

from ina import data
from ina.config import DataConfig
from ina.tables import documents
from ina.tables.study import Study, studies
from ina.tables.table import spread

ROOT = Path(__file__).parent.parent
WITHOUT = "the packages of the extra docs are missing: make docs installs them"
build = pytest.importorskip("mkdocs.commands.build", reason=WITHOUT)
config = pytest.importorskip("mkdocs.config", reason=WITHOUT)
exceptions = pytest.importorskip("mkdocs.exceptions", reason=WITHOUT)
structure = pytest.importorskip("mkdocs.structure.files", reason=WITHOUT)
pytest.importorskip("vl_convert", reason=WITHOUT)
hooks = pytest.importorskip("ina.site.hooks", reason=WITHOUT)
error_files = pytest.importorskip("ina.site.errors", reason=WITHOUT).error_files


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    """Records of one experiment of every kind, and their tables."""
    root = tmp_path_factory.mktemp("results")
    write_study(root, tasks=("cola", "stsb"), n=60)
    write_study(root, tasks=("squad_v2",), methods=("lora", "ina"), seeds=(1, 2), n=40, experiment="made_up_squad")
    for seed in (1, 2, 3):
        for method in ("lora", "ina"):
            write_levels(root, method, seed, (0, 2, 4), loss=0.1, questions=40)
        for level in (0.0, 0.3):
            write_run(root, task="stsb", seed=seed, method="ina", experiment="ablation_made_up", n=60, inhibition=level)
    documents.write(documents.expected_files(root, studies(root), [], all_studies=False))
    return root


@pytest.fixture(scope="module")
def site(results, tmp_path_factory) -> Path:
    """The built site."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INA_SITE_RESULTS", str(results))
        patch.delenv("INA_DATA_DIR", raising=False)
        settings = config.load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path_factory.mktemp("site")))
    assert settings.strict
    build.build(settings)
    return Path(settings.site_dir)


@pytest.fixture(scope="module")
def study(results) -> Study:
    return studies(results, "made_up")[0]


def page_of(site: Path, name: str) -> str:
    return (site / f"{name}.html").read_text(encoding="utf-8")


def test_scores_on_the_page_are_those_of_the_records_and_lead_to_their_runs(site, study):
    cell = r'<a href="studies/made_up-files.html#Task=CoLA&amp;Method=InA%20%28Inh%200.3%29" title="[^"]*n = 3[^"]*">'
    found = re.findall(cell + r"([^<]*)</a>", page_of(site, "results/table3"))
    scores = [100 * study.scores(("minilm", "cola", "ina"), selection) for selection in ("best", "last")]
    assert found == [spread(one.mean(), one.std(ddof=1)) for one in scores]


def test_a_run_is_shown_with_what_is_needed_to_check_it(site, results, study):
    run = next(run for run in study.records if run.task == "cola" and run.best != run.last)
    [row] = [row for row in page_of(site, "results/studies/made_up-files").split("<tr>") if f"{run.id}.json" in row]
    last = f"{100 * run.last.metrics['mcc']:.1f}".replace("-", "−")
    assert f">{last}</td>" in row and run.provenance.commit[:9] in row
    place = Path("runs/made_up/files") / f"{run.id}.json"
    assert (site / "results" / place).read_bytes() == (results / place).read_bytes()


@pytest.mark.parametrize(
    ("page", "parts"),
    [
        ("results/table3", ["<td>published</td><td>BERT-large</td>", "<td>released runs</td>", "65.9‡"]),
        ("index", ['href="results/REPORT.html"', 'href="method.html"']),  # links of the repository lead within the site
        ("method", ['href="source/ina/adapter/gate.py.html"']),
        ("source/ina/adapter/gate.py", ["inhibit"]),
        ("api/adapter", ['.InaConfig"', '.InaLinear"', '.InhibitionGate"']),
        ("api/records", ['.Record"', '.read_predictions"', '.Study"']),
        ("api/statistics", ['.Comparison"', '.Verdict"', '.decide"']),
    ],
)
def test_numbers_of_others_documents_sources_and_the_reference_have_their_place(site, page, parts):
    text = page_of(site, page)
    assert [part for part in parts if part not in text] == [] and ":class:" not in text


def test_a_link_to_a_missing_file_fails_the_build(tmp_path, monkeypatch):
    (tmp_path / "README.md").write_text("[here](docs/nothing.md)")
    for name, value in {"ROOT": tmp_path, "_START": ["README.md"], "site_files": lambda _: {}}.items():
        monkeypatch.setattr(hooks, name, value)
    settings = config.load_config(str(ROOT / "mkdocs.yml"), plugins=[], hooks=[])
    settings.plugins._current_plugin = "hooks"  # mkdocs sets it where it calls a hook
    with pytest.raises(exceptions.PluginError, match="docs/nothing.md, which does not exist"):
        hooks.on_files(structure.Files([]), settings)


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ('<a href="page.html#x">x</a>', None),
        ('<a href="gone.html">x</a>', "gone.html does not exist"),
        ('<script src="https://cdn.example/x.js"></script>', "loads https://cdn.example/x.js"),
    ],
)
def test_a_page_with_a_dead_link_or_a_script_of_the_network_fails_the_build(tmp_path, html, problem):
    settings = config.load_config(str(ROOT / "mkdocs.yml"), plugins=[], hooks=[], site_dir=str(tmp_path))
    (tmp_path / "page.html").write_text(html)
    with pytest.raises(exceptions.PluginError, match=problem) if problem else contextlib.nullcontext():
        hooks.on_post_build(settings)


def test_a_study_without_tables_is_named(tmp_path):
    write_run(tmp_path)
    with pytest.raises(FileNotFoundError, match="tables/made_up-files is missing: run python -m ina.tables --results"):
        hooks.site_files(tmp_path)


def test_a_folder_without_records_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"there is no record of a study under {tmp_path}/runs"):
        hooks.site_files(tmp_path)


def shown_errors(script: str) -> dict:
    return json.loads(script.removeprefix("inaErrors(").removesuffix(");\n"))


@pytest.mark.parametrize(
    ("source", "same_data", "count"),
    [("probe", True, 800), ("probe", False, 0), ("files", True, 24), ("hub", True, 0)],
)
def test_the_error_browser_has_the_texts_that_were_predicted_on(tmp_path, glue, monkeypatch, source, same_data, count):
    monkeypatch.setenv("INA_DATA_DIR", str(glue))
    rows = data.load(
        task("cola"), DataConfig(source="files" if source == "files" else "probe", dir=None, max_train=None)
    )
    if source == "hub":
        monkeypatch.setattr("ina.site.errors.load", lambda *_: rows)
    for method in ("lora", "ina"):
        run = write_run(tmp_path, method=method, source=source, n=len(rows.splits["validation"]))
        if same_data:
            rewrite(tmp_path, run, data=run.data.model_copy(update={"fingerprint": rows.fingerprint}))
    [script] = [text for name, text in error_files(studies(tmp_path)).items() if name.endswith(".js")]
    assert shown_errors(script)["texts"] == rows.splits["validation"]["sentence"][:count]


def test_the_error_browser_has_no_texts_of_files_where_the_builder_does_not_name_them(site):
    script = (site / "assets/errors/made_up-files--minilm--cola.js").read_text(encoding="utf-8")
    assert shown_errors(script)["texts"] == []


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of a headless Chromium."""
    if not chromium.FOUND:
        pytest.skip("no chromium: apt-get install chromium")
    page = chromium.Page(tmp_path_factory.mktemp("profile"))
    yield page
    page.close()


def test_every_page_loads_without_an_error_and_asks_nothing_of_the_network(site, page):
    pages = [path for path in sorted(site.rglob("*.html")) if path.name != "404.html"]
    assert len(pages) > 30
    for path in pages:
        page.open(path.as_uri())
        assert page.errors == [], path


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 800)], ids=["desktop", "phone"])
def test_charts_draw_in_both_schemes_and_nothing_is_wider_than_the_window(site, page, width, height):
    drawn = 0
    for path in (path for path in site.rglob("*.html") if 'class="ina-' in path.read_text(encoding="utf-8")):
        page.open(path.as_uri(), width, height)
        count = page.run("document.querySelectorAll('.ina-chart').length")
        for scheme in ("default", "slate"):
            page.run(f"document.body.dataset.mdColorScheme = '{scheme}'")
            for place in range(count):
                chart = f"document.querySelectorAll('.ina-chart')[{place}]"
                page.run(f"{chart}.scrollIntoView()")
                page.until(f"{chart}.dataset.drawn == '{scheme}'")
                assert page.run(f"{chart}.querySelectorAll('svg [role=graphics-symbol], svg path').length") > 5, path
        drawn += count
        assert page.run("document.querySelectorAll('.ina-chart svg').length") == count, path
        assert page.run("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
        assert page.errors == [], path
    assert drawn >= 10


def test_the_chart_of_verdicts_has_the_numbers_and_words_of_its_table(site, results, page):
    page.open((site / "results/studies/made_up-files.html").as_uri())
    forest = "document.querySelector('.ina-wide')"
    page.run(f"{forest}.scrollIntoView()")
    page.until(f"{forest}.dataset.drawn")
    table = pd.read_csv(results / "tables/made_up-files/verdicts.csv")
    last = table[table["selection"] == "last"]
    labels = page.run(f"[...{forest}.querySelectorAll('[aria-roledescription=point]')].map((mark) => mark.ariaLabel)")
    values = re.findall(r"value: ([−\d.]+);", "\n".join(labels))
    assert sorted(values) == sorted(f"{value:.2f}".replace("-", "−") for value in last["difference"])
    text = page.run(f"{forest}.querySelector('svg').textContent")
    assert text.count("undecided") + text.count("at these rates") == len(last)
    assert "InA (Inh 0.3) − LoRA" in text  # its heading


def column(page, name: str) -> list[str]:
    """The visible cells of a column, from the top."""
    return page.run(
        "(() => { const t = document.querySelector('table.ina');"
        f"const at = [...t.tHead.rows[0].cells].findIndex((c) => c.textContent === '{name}');"
        "return [...t.tBodies[0].rows].filter((r) => !r.hidden).map((r) => r.cells[at].textContent); })()"
    )


def test_a_table_sorts_by_a_column_and_back(site, page):
    page.open((site / "results/table3.html").as_uri())
    head = "[...document.querySelectorAll('table.ina th')].find((head) => head.textContent === 'STS-B')"
    for descending in (False, True):
        page.run(f"{head}.click()")
        cells = column(page, "STS-B")
        numbers = [float(cell.split()[0].rstrip("‡").replace("−", "-")) for cell in cells if cell != "–"]
        assert len(numbers) > 8 and numbers == sorted(numbers, reverse=descending)
        assert set(cells[len(numbers) :]) == {"–"}  # missing numbers come last in both orders
        assert page.run(f"{head}.ariaSort") == ("descending" if descending else "ascending")


def test_a_table_filters_by_method_and_epoch(site, page):
    page.open((site / "results/table3.html").as_uri())
    for label, value in (("Method", "InA (Inh 0.3)"), ("Epoch", "last")):
        page.run(
            f"(() => {{ const menu = [...document.querySelectorAll('.ina-filters label')].find((l) =>"
            f"l.textContent.startsWith('{label}')).querySelector('select'); menu.value = '{value}';"
            "menu.dispatchEvent(new Event('change')); })()"
        )
    assert set(column(page, "Method")) == {"InA (Inh 0.3)"} and set(column(page, "Epoch")) == {"last"}
    assert page.run("document.querySelector('.ina-count').textContent").startswith("1 of ")


def test_a_click_on_a_score_opens_its_runs(site, page):
    page.open((site / "results/table3.html").as_uri())
    page.run("document.querySelector('td a[href*=\"Task=STS-B&Method=LoRA\"]').click()")
    page.until("location.href.includes('studies/made_up-files') && document.querySelector('.ina-count')")
    page.until("document.querySelector('.ina-count').textContent == '3 of 18 rows'")
    assert column(page, "Task") == ["STS-B"] * 3 and column(page, "Method") == ["LoRA"] * 3
    assert column(page, "Seed") == ["1", "2", "3"]


def test_the_error_browser_lists_examples_on_which_two_methods_differ(site, page, study):
    page.open((site / "results/errors.html").as_uri())
    page.until("document.querySelectorAll('.ina-errors tbody tr').length > 0")
    predictions = [
        np.stack([study.predictions(f"minilm--cola--{method}--s{seed}")["last_prediction"] for seed in (1, 2, 3)])
        for method in ("ina", "lora")
    ]
    gold = study.predictions("minilm--cola--lora--s1")["label"].to_numpy()
    a, b = ((of == gold).sum(axis=0) for of in predictions)
    counted = f"{(a != b).sum()} of 60 examples differ: A better on {(a > b).sum()}, B on {(a < b).sum()}"
    assert page.run("document.querySelector('.ina-errors output').textContent") == counted
    first = page.run("[...document.querySelector('.ina-errors tbody tr').cells].map((cell) => cell.textContent)")
    at = int(first[0])
    assert abs(a[at] - b[at]) == max(abs(a - b))
    assert first[1:4] == [str(gold[at]), *("".join(map(str, of[:, at])) for of in predictions)]


def test_search_works_from_a_file_system(site, page):
    page.open((site / "index.html").as_uri())
    page.run(
        "(() => { document.querySelector('#__search').click(); const box ="
        "document.querySelector('[data-md-component=search-query]'); box.focus(); box.value = 'inhibition';"
        "box.dispatchEvent(new KeyboardEvent('keyup', {bubbles: true})); box.dispatchEvent(new Event('input')); })()"
    )
    page.until("document.querySelectorAll('.md-search-result__item').length > 0")
    assert page.errors == []
