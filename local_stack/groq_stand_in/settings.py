"""The only place where the stand-in reads its environment."""

from collections.abc import Mapping
from dataclasses import dataclass


class SettingsError(ValueError):
    """A variable has a value that cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`tokens_per_second` 0 means without any pause. An empty `key` accepts every key.

    `scripts` opens everything meant for tests: scripted faults, and `/_control`, which
    shows what people asked. It stays closed in `make up`.
    """

    first_token_ms: float = 150
    tokens_per_second: float = 60
    scripts: bool = False
    key: str = ""


AT_FULL_SPEED = Settings(first_token_ms=0, tokens_per_second=0, scripts=True)


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read the `GROQ_STAND_IN_*` variables; raise SettingsError for a bad value."""
    default = Settings()
    return Settings(
        first_token_ms=_number(environ, "GROQ_STAND_IN_FIRST_TOKEN_MS", default.first_token_ms),
        tokens_per_second=_number(environ, "GROQ_STAND_IN_TOKENS_PER_SECOND", default.tokens_per_second),
        scripts=_switch(environ, "GROQ_STAND_IN_SCRIPTS"),
        key=environ.get("GROQ_STAND_IN_KEY", ""),
    )


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "")
    try:
        number = float(text) if text else default
    except ValueError:
        number = -1
    if not 0 <= number <= 1e9:
        raise SettingsError(f"{name} must be a number from 0 up, not {text!r}.")
    return number


def _switch(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "")
    if text not in ("", "0", "1"):
        raise SettingsError(f"{name} must be 0 or 1, not {text!r}.")
    return text == "1"
