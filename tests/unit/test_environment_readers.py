"""safycore_backend/environment.py: what a variable must look like, and the sentence when it does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from safycore_backend.environment import Environment

Read = Callable[[Environment], Any]


def value(read: Read, text: str | None) -> Any:
    """What a reader makes of NAME=text, which must be fine."""
    environment = Environment({} if text is None else {"NAME": text})
    found = read(environment)
    environment.refuse()
    return found


def refusal(read: Read, text: str | None) -> str:
    """The sentence by which NAME=text is refused."""
    environment = Environment({} if text is None else {"NAME": text})
    read(environment)
    with pytest.raises(ImproperlyConfigured) as caught:
        environment.refuse()
    first, sentence = str(caught.value).splitlines()
    assert first == "SafyCore cannot start:"
    assert "NAME" in sentence
    return sentence


READERS: dict[str, tuple[Read, dict[str | None, Any], list[str | None]]] = {
    "text": (
        lambda env: env.text("NAME", "default"),
        {None: "default", "": "", " x ": "x"},
        [],
    ),
    "required": (
        lambda env: env.required("NAME", "a secret", minimum=3),
        {"abc": "abc", " abc ": "abc"},
        [None, "", "  ", "ab", " ab "],
    ),
    "flag": (
        lambda env: env.flag("NAME"),
        {None: False, "": False, "1": True, "TRUE": True, "yes": True, "on": True, "0": False, "Off": False},
        ["2", "maybe", "truee"],
    ),
    "integer": (
        lambda env: env.integer("NAME", 7, minimum=2),
        {None: 7, "": 7, "2": 2, " 10 ": 10},
        ["1", "-5", "2.5", "x", "1e3", "0x10"],
    ),
    "seconds": (
        lambda env: env.seconds("NAME", 5),
        {None: 5, "": 5, "0.5": 0.5, "3": 3},
        ["0", "-1", "x", "nan", "1s", "inf", "1e999"],
    ),
    "words": (
        lambda env: env.words("NAME", "a,b"),
        {None: ["a", "b"], "": [], " x , ,y,": ["x", "y"]},
        [],
    ),
    "choice": (
        lambda env: env.choice("NAME", "json", ("json", "console")),
        {None: "json", "": "json", "console": "console", "CONSOLE": "console"},
        ["xml", "jso"],
    ),
    "url": (
        lambda env: env.url("NAME", "http://default", ("http", "https")),
        {None: "http://default", "": "http://default", "https://x.example/a/": "https://x.example/a"},
        ["x.example", "ftp://x.example", "https://", "http:/x", "http://[::1", "http://:80"],
    ),
    "origins": (
        lambda env: env.origins("NAME"),
        {
            None: [],
            "https://a.example, http://b:3000": ["https://a.example", "http://b:3000"],
            "https://xn--bcher-kva.example": ["https://xn--bcher-kva.example"],
            "http://192.0.2.7:8080, http://[2001:db8::1]": ["http://192.0.2.7:8080", "http://[2001:db8::1]"],
        },
        [
            "*",
            "https://*.example.com",
            "a.example",
            "http://[::1",
            "https://u:p@a.example",
            "null",
            "https://a b.example",
        ],
    ),
    "rate": (
        lambda env: env.rate("NAME", "10/60"),
        {None: (10, 60), "": (10, 60), "3/600": (3, 600)},
        ["3", "3/0", "x/60", "3/", "-3/60", "3/60/60", "1.5/60"],
    ),
    "database": (
        lambda env: env.database("NAME", Path("/default.sqlite3"))["NAME"],
        {
            None: Path("/default.sqlite3"),
            "": Path("/default.sqlite3"),
            "sqlite:////data/x.sqlite3": Path("/data/x.sqlite3"),
            "sqlite:///x.sqlite3": Path("x.sqlite3"),
            "postgres://u:p@h:5433/name": "name",
            "postgresql://h/na%20me": "na me",
        },
        ["x", "mysql://h/name", "postgres://", "postgres://h", "postgres:///name", "postgres://u@h:99999/name"],
    ),
}


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        pytest.param(read, text, expected, id=f"{name} {text!r}")
        for name, (read, good, _) in READERS.items()
        for text, expected in good.items()
    ],
)
def test_a_good_value_is_read(read: Read, text: str | None, expected: Any) -> None:
    assert value(read, text) == expected


@pytest.mark.parametrize(
    ("read", "text"),
    [pytest.param(read, text, id=f"{name} {text!r}") for name, (read, _, bad) in READERS.items() for text in bad],
)
def test_a_bad_value_is_refused_with_a_sentence_that_names_it(read: Read, text: str | None) -> None:
    assert refusal(read, text).endswith(".")


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://a.example/", "https://a.example"),
        ("https://a.example/x", "https://a.example"),
        ("https://a.example?x", "https://a.example"),
        ("https://a.example#x", "https://a.example"),
        ("HTTPS://a.example", "https://a.example"),
        ("https://A.Example:8443", "https://a.example:8443"),
        ("https://a.example:443", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("https://a.example:", "https://a.example"),
        ("https://a.example:08443", "https://a.example:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://[2001:DB8:0::1]:3000", "http://[2001:db8::1]:3000"),
    ],
)
def test_an_origin_that_no_browser_sends_is_refused_with_the_one_that_they_send(written: str, sent: str) -> None:
    def read(environment: Environment) -> list[str]:
        return environment.origins("NAME")

    assert f"{sent!r}; write it like that." in refusal(read, written)
    assert value(read, sent) == [sent]


@pytest.mark.parametrize("written", ["https://a.example:80", "http://a.example:443"])
def test_the_other_schemes_port_belongs_to_the_origin(written: str) -> None:
    assert value(lambda env: env.origins("NAME"), written) == [written]


def test_every_reader_has_its_cases() -> None:
    readers = {name for name in vars(Environment) if not name.startswith("_")} - {"problem", "refuse"}
    assert readers == READERS.keys()


def test_all_problems_are_named_at_once() -> None:
    environment = Environment({"A": "x", "B": "x"})
    environment.integer("A", 1)
    environment.flag("B")
    environment.required("C", "a secret")
    environment.problem("And one more.")
    with pytest.raises(ImproperlyConfigured) as caught:
        environment.refuse()
    assert len(str(caught.value).splitlines()) == 5


def test_a_sentence_never_repeats_a_password() -> None:
    for read in (
        lambda env: env.url("NAME", "", ("postgres",)),
        lambda env: env.database("NAME", Path("x")),
    ):
        assert "hunter2" not in refusal(read, "mysql://user:hunter2@host/name")


def test_all_parts_of_a_database_address_are_read() -> None:
    environment = Environment({"NAME": "postgres://us%40er:p%2Fw@host:6543/name"})
    found = environment.database("NAME", Path("x"))
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("us@er", "p/w", "host", 6543)
