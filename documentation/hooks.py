"""What MkDocs does not do by itself: documents from outside docs/, links as Git hosts read them, a nav that fills up.

Documents are written for a reader of the repository. Links among them become links of the site; a link to code becomes
the words that it stood on, for the site does not hold the code.
"""

import fnmatch
import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from documentation.operations import openapi_document, reference

CHECKOUT = Path(__file__).resolve().parents[1]
MERMAID = CHECKOUT / "documentation" / "node_modules" / "@mermaid-js" / "tiny" / "dist" / "mermaid.tiny.js"
# Of the repository, by what they are called on the site.
BROUGHT_IN = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "promises.md": "SECURITY.md",
}
_FENCED = re.compile(r"(^ *```.*?^ *```$)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    docs = Path(config.docs_dir)
    there = sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))
    config.nav = _expanded(config.nav, [*there, *BROUGHT_IN, "openapi.md"])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    document = openapi_document()
    texts = {name: (CHECKOUT / source).read_text() for name, source in BROUGHT_IN.items()}
    texts |= {"openapi.md": reference(document), "openapi.json": json.dumps(document, indent=2)}
    for name, text in texts.items():
        files.append(File.generated(config, name, content=text))
    files.append(File.generated(config, "javascripts/mermaid.js", abs_src_path=str(MERMAID)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    here = page.file.src_uri
    parts = _FENCED.split(markdown)
    # What is fenced is every second part.
    parts[::2] = [_LINK.sub(lambda link: _linked(link, here, files), part) for part in parts[::2]]
    return "".join(parts)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Mermaid where there is a diagram; Material fetches it from elsewhere if none is there."""
    if 'class="mermaid"' not in output:
        return output
    address = posixpath.relpath("javascripts/mermaid.js", page.file.dest_uri.rpartition("/")[0] or ".")
    return output.replace("</head>", f'<script src="{address}"></script></head>', 1)


def _linked(link: re.Match[str], here: str, files: Files) -> str:
    image, text, target = link.groups()
    if re.match(r"[a-z]+:|#", target):
        return link[0]
    path, _, anchor = target.partition("#")
    source = BROUGHT_IN.get(here, f"docs/{here}")
    found = _on_the_site(posixpath.normpath(posixpath.join(posixpath.dirname(source), path)), files)
    if found is None:
        return text
    address = posixpath.relpath(found, posixpath.dirname(here) or ".")
    return f"{image}[{text}]({address}{'#' if anchor else ''}{anchor})"


def _on_the_site(source: str, files: Files) -> str | None:
    """The name on the site of something of the repository, if it is there."""
    names = {path: name for name, path in BROUGHT_IN.items()}
    name = names.get(source) or source.removeprefix("docs/")
    return next((each for each in (name, f"{name}/README.md") if files.get_file_from_path(each)), None)


def _expanded(entries: Any, there: list[str]) -> Any:
    """The nav with its patterns filled in; what is named anywhere is in no pattern."""
    left = [name for name in there if name not in set(_named(entries))]
    return _filled(entries, there, left)


def _named(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry.removesuffix("?")]
    children = entry.values() if isinstance(entry, dict) else entry
    return [name for child in children for name in _named(child)]


def _filled(entry: Any, there: list[str], left: list[str]) -> Any:
    if isinstance(entry, dict):
        return {title: _filled(child, there, left) for title, child in entry.items()}
    if isinstance(entry, str):
        return entry
    return [found for child in entry for found in _matching(child, there, left)]


def _matching(child: Any, there: list[str], left: list[str]) -> list[Any]:
    if not isinstance(child, str):
        return [_filled(child, there, left)]
    if "*" in child:
        return [name for name in left if fnmatch.fnmatch(name, child) and name.count("/") == child.count("/")]
    name = child.removesuffix("?")
    return [name] if name == child or name in there else []
