"""Hooks of mkdocs: documents and sources outside docs/ become pages of the site, and so do results.

README.md becomes index.md, docs/x becomes x, other documents keep their paths, and a source file that a document links
to becomes a page under source/. Documents have links for the repository; the hooks rewrite them for the site. A link to
a file that does not exist fails the build.
"""

import json
import re
from html import unescape
from pathlib import Path
from posixpath import dirname, join, normpath, relpath
from urllib.parse import unquote

import vl_convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from ina.site.pages import site_files

ROOT = Path(__file__).parents[2]
_START = ("README.md", "results/REPORT.md", "results/CLAIMS.md", "results/COSTS.md", "results/published/README.md")
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")
_HREF = re.compile(r'(?:href|src)="?([^"\s>]+)')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of results, and every file that README, docs/ or a page added here links to.

    Raises:
        PluginError: A linked file does not exist.
    """
    results = ROOT / config.extra["results"]

    def add(uri: str, content: Path | str) -> None:
        source = {"abs_src_path": str(content)} if isinstance(content, Path) else {"content": content}
        files.append(File.generated(config, uri, **source))

    documents = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    for uri, content in site_files(results).items():
        add(uri, content)
    add("assets/vega.js", vl_convert.javascript_bundle())
    documents_by_page = config.extra["documents"] = {}  # page -> the document that it shows
    paths = [*_START, *documents]
    for path in paths:  # grows during the loop
        uri, source = _uri(path), ROOT / path
        if path.startswith("results/") and (candidate := results / path.removeprefix("results/")).exists():
            source = candidate
        if not source.exists():
            raise PluginError(f"a document links to {path}, which does not exist")
        links = []
        if source.is_dir():
            links = [f"{path}/{file.name}" for file in source.glob("*.md")]
        elif source.suffix == ".md":
            documents_by_page[uri] = path
            links = [_target(path, link[1]) for link in _LINK.finditer(source.read_text(encoding="utf-8"))]
        paths += [link for link in dict.fromkeys(links) if link not in paths]
        if files.get_file_from_path(uri) is None:
            add(uri, source if source.suffix in (".md", ".png") else _page(source))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite a document's links so that they point to the pages of the site."""
    uri = page.file.src_uri
    path = config.extra["documents"].get(uri)
    if path is None:
        return markdown

    def link(match: re.Match[str]) -> str:
        return relpath(_uri(_target(path, match[1])), dirname(uri) or ".") + (match[2] or "")

    return _LINK.sub(link, markdown)


def on_post_build(config: MkDocsConfig) -> None:
    """Check what mkdocs does not: links in HTML, and that no page loads anything from the network.

    Raises:
        PluginError: A link leads nowhere, or a page loads something from elsewhere.
    """
    site = Path(config.site_dir)
    problems = []
    for page in (path for path in site.rglob("*.html") if path.name != "404.html"):  # its links are from the root
        text = page.read_text(encoding="utf-8")
        for tag in re.findall(r"<(?:a|link|script|img)\b[^>]*>", text):
            for target in map(unescape, _HREF.findall(tag)):
                if re.match(r"\w+:|//", target):
                    if not tag.startswith("<a") and 'rel="canonical"' not in tag and not target.startswith("data:"):
                        problems.append(f"{page}: loads {target}")
                elif not (page.parent / unquote(re.split("[?#]", target)[0])).exists():
                    problems.append(f"{page}: {target} does not exist")
    if problems:
        raise PluginError("\n".join(dict.fromkeys(problems)))


def _target(path: str, link: str) -> str:
    """The path in the repository that a document's link leads to."""
    return normpath(join(dirname(path), unquote(link)))


def _uri(path: str) -> str:
    """The path in the site of a file of the repository."""
    if path == "README.md":
        return "index.md"
    if "." not in path.rpartition("/")[2]:  # a folder
        return f"{path}/index.md"
    return path.removeprefix("docs/") if path.endswith((".md", ".png")) else f"source/{path}.md"


def _page(source: Path) -> str:
    """A document that shows a file or folder of the repository."""
    if source.is_dir():
        files = sorted(file.name for file in source.glob("*.md"))
        return f"# {source.name}\n\n" + "".join(f"- [{name}]({name})\n" for name in files)
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".ipynb":
        return "\n\n".join(part for cell in json.loads(text)["cells"] for part in _cell(cell))
    language = {".py": "python", ".cff": "yaml"}.get(source.suffix, source.suffix[1:])
    return f"---\nsearch: {{exclude: true}}\n---\n# {source.name}\n\n````{language}\n{text}\n````\n"


def _cell(cell: dict) -> list[str]:
    """The parts of a notebook cell: text, or code and its output."""
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return [text]
    parts = [f"```python\n{text}\n```"]
    for data in (output["data"] for output in cell["outputs"] if "data" in output):
        if "image/png" in data:
            image = "".join("".join(data["image/png"]).split())
            parts.append(f'<img alt="figure of the cell above" src="data:image/png;base64,{image}">')
        else:
            parts.append("".join(data.get("text/markdown", [])))
    return parts
