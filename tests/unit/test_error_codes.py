"""docs/errors.md names every code that a client can meet, with its status, and no other."""

import re
from collections.abc import Iterator

import django
import pytest

django.setup()

import chat.errors  # noqa: E402, F401  # the tree is whole only with those of every package
import users.errors  # noqa: E402, F401
from safycore_backend import errors  # noqa: E402
from safycore_backend.errors import ApiError  # noqa: E402
from tests.processes import CHECKOUT  # noqa: E402

ROW = re.compile(r"^\| `(\w+)` \| (\d{3}) \| (.+) \|$", re.MULTILINE)


def kinds(root: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    yield root
    for kind in root.__subclasses__():
        yield from kinds(kind)


def told() -> dict[str, int]:
    """Every code that the classes and the framework's mapping make, with its status."""
    ours = {kind.default_code: kind.status_code for kind in kinds()}
    framework = {code: kind.status_code for kind, (code, _) in errors._DRF_CODES.items()}
    return {**ours, **framework, "bad_request": 400}


def documented() -> dict[str, int]:
    rows: list[tuple[str, str, str]] = ROW.findall((CHECKOUT / "docs" / "errors.md").read_text())
    return {code: int(status) for code, status, _ in rows}


def test_every_code_is_documented_with_its_status_and_no_other() -> None:
    assert len(told()) > 30
    assert documented() == told()


def test_a_code_has_one_status() -> None:
    pairs = {(kind.default_code, kind.status_code) for kind in kinds()}
    assert len(pairs) == len({code for code, _ in pairs})


def test_the_overview_of_the_api_groups_them_by_the_same_statuses() -> None:
    table = (CHECKOUT / "docs" / "api.md").read_text().partition("| status | codes |")[2].partition("\n\n")[0]
    grouped: dict[str, set[str]] = {}
    for statuses, codes in re.findall(r"^\| ([\d, ]+) \| (.*) \|$", table, re.MULTILINE):
        for code in re.findall(r"`(\w+)`", codes):
            grouped.setdefault(code, set()).update(re.findall(r"\d+", statuses))
    known = {code: str(status) for code, status in told().items()}
    wrong = {code: statuses for code, statuses in grouped.items() if code in known and known[code] not in statuses}
    assert wrong == {}
    # What no call answers by that name, and what has a status in a stream only.
    assert known.keys() - grouped.keys() == {"conflict", "forbidden", "model_error"}


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=str))
def test_every_error_has_a_sentence_for_a_person(kind: type[ApiError]) -> None:
    assert re.fullmatch(r"[A-Z].*\.", str(kind.default_detail))
