"""What the documents say, held against the code."""

import ast
import io
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import django
import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from dotenv import dotenv_values

django.setup()

CHECKOUT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md")])
ENV_EXAMPLE = CHECKOUT / ".env.example"
CONFIGURATION = CHECKOUT / "docs" / "configuration.md"
# What `make up` and its parts read, beside the settings.
LOCAL_READERS = [CHECKOUT / "local_stack" / "up.py", CHECKOUT / "local_stack" / "groq_stand_in" / "settings.py"]
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")


def _calls_of_settings() -> Iterator[ast.Call]:
    """Every `env.<reader>("NAME", ...)` of settings.py."""
    tree = ast.parse((CHECKOUT / "safycore_backend" / "settings.py").read_text())
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "env"
            and node.func.attr not in {"problem", "refuse"}
        ):
            yield node


def _text(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant)
    return str(node.value)


def _read_by_settings() -> set[str]:
    return {_text(call.args[0]) for call in _calls_of_settings()}


def _read_by_the_local_stack() -> set[str]:
    """Every text in its modules that looks like a variable's name: more than are read, but none that is not named."""
    return {
        node.value
        for path in LOCAL_READERS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _NAME.fullmatch(node.value)
    }


def _constant_defaults() -> dict[str, str]:
    """The defaults that stand in settings.py as they are, neither empty nor computed."""
    return {
        _text(call.args[0]): str(call.args[1].value)
        for call in _calls_of_settings()
        if call.func.attr != "required"  # type: ignore[attr-defined]  # an Attribute, as found above
        and len(call.args) > 1
        and isinstance(call.args[1], ast.Constant)
        and call.args[1].value != ""
    }


def _example() -> dict[str, str | None]:
    """The variables of .env.example, with those that are commented out."""
    text = re.sub(r"^#(?=[A-Z][A-Z0-9_]*=)", "", ENV_EXAMPLE.read_text(), flags=re.MULTILINE)
    return dotenv_values(stream=io.StringIO(text), interpolate=False)


def _configured() -> list[str]:
    """The variables that have a row in docs/configuration.md."""
    return re.findall(r"^\| `([A-Z][A-Z0-9_]*)` \|", CONFIGURATION.read_text(), re.MULTILINE)


def _api_addresses() -> set[str]:
    return {address for address in _addresses(get_resolver().url_patterns, "/") if address.startswith("/api/")}


def _addresses(patterns: Sequence[Any], prefix: str) -> Iterator[str]:
    """Addresses as documents write them: `/api/chat/sessions/<session_id>/`."""
    for pattern in patterns:
        address = prefix + re.sub(r"<\w+:(\w+)>", r"<\1>", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _addresses(pattern.url_patterns, address)
        else:
            assert isinstance(pattern, URLPattern)
            yield address


def _blocks(path: Path, language: str) -> list[str]:
    return [body for found, body in _FENCE.findall(path.read_text()) if found == language]


def _prose(path: Path) -> str:
    return _FENCE.sub("", path.read_text())


def _links() -> list[tuple[Path, str]]:
    """Every link of a document to something of this repository."""
    return [
        (path, target)
        for path in DOCUMENTS
        for target in re.findall(r"\]\(([^)\s]+)\)", _prose(path))
        if not re.match(r"[a-z]+:", target)
    ]


def _anchors(path: Path) -> set[str]:
    """What a link can name behind the #, as Git hosts make it from headings."""
    headings = re.findall(r"^#+ (.*)$", _prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _relative(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def test_every_variable_of_the_settings_stands_in_the_example_and_in_the_documents() -> None:
    read = _read_by_settings()
    assert len(read) > 30
    assert read - set(_example()) == set()
    assert read - set(_configured()) == set()


def test_no_variable_is_documented_that_nothing_reads() -> None:
    read = _read_by_settings() | _read_by_the_local_stack()
    assert set(_example()) - read == set()
    assert set(_configured()) - read == set()


def test_no_variable_is_documented_twice() -> None:
    names = _configured()
    assert sorted(names) == sorted(set(names))


def test_the_defaults_of_the_example_are_those_of_the_settings() -> None:
    defaults = _constant_defaults()
    assert len(defaults) > 20
    assert {name: _example()[name] for name in defaults} == defaults


def test_the_defaults_of_the_documents_are_those_of_the_settings() -> None:
    rows = dict(re.findall(r"^\| `([A-Z][A-Z0-9_]*)` \| ([^|]*) \|", CONFIGURATION.read_text(), re.MULTILINE))
    assert {name: rows[name] for name in _constant_defaults()} == {
        name: f"`{value}`" for name, value in _constant_defaults().items()
    }


def test_the_example_gives_no_secret_away() -> None:
    example = _example()
    secrets = [name for name in example if re.search(r"KEY|SECRET|_DB_|CACHE_URL", name)]
    with_default = {"SUPABASE_DB_POOL_SIZE", "SUPABASE_DB_TIMEOUT"}
    assert {name for name in secrets if example[name]} == with_default


def test_every_address_of_the_api_is_documented() -> None:
    text = (CHECKOUT / "docs" / "api.md").read_text()
    addresses = _api_addresses()
    assert len(addresses) > 20
    assert {address for address in addresses if f"{address}`" not in text} == set()


def test_no_address_is_documented_that_does_not_exist() -> None:
    text = (CHECKOUT / "docs" / "api.md").read_text()
    assert set(re.findall(r"/api/[\w/<>-]*/", text)) - _api_addresses() == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=_relative)
def test_every_bash_block_can_be_read_by_bash(path: Path) -> None:
    for block in _blocks(path, "bash"):
        result = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True, check=False)
        assert (result.returncode, result.stderr) == (0, "")


def test_the_first_conversation_is_one_block_that_needs_only_curl_and_python() -> None:
    (conversation,) = [block for block in _blocks(CHECKOUT / "README.md", "bash") if "/api/auth/signup/" in block]
    assert "jq" not in conversation
    assert "$RANDOM" in conversation


@pytest.mark.parametrize(("path", "target"), _links(), ids=lambda value: str(value).removeprefix(f"{CHECKOUT}/"))
def test_every_link_within_the_repository_leads_somewhere(path: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    found = (path.parent / name).resolve() if name else path
    assert found.exists()
    assert not anchor or anchor in _anchors(found)


def _rows(heading: str) -> list[tuple[str, str]]:
    """The first and last cells of the table in docs/turns.md below a heading; "" is the document's own."""
    section = (CHECKOUT / "docs" / "turns.md").read_text().split(f"\n{heading}", 1)[1].split("\n## ", 1)[0]
    cells = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [(row[0].strip(), row[-1].strip()) for row in cells[2:]]


def test_each_promise_of_a_turn_names_tests_that_are_there() -> None:
    promised, shown = _rows(""), _rows("## The tests")
    assert [what for what, _ in promised] == [what for what, _ in shown]
    for _, tests in shown:
        named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", tests)
        assert named
        for path, test in named:
            assert re.search(rf"^(?:async )?def {test}\(", (CHECKOUT / "tests" / path).read_text(), re.MULTILINE), test
