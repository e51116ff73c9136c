"""Traces: what a request and its reply spent their time on. Nothing at all while OTEL_EXPORTER_OTLP_ENDPOINT is unset.

A span has names, codes and numbers of ours: never what people wrote, an id of theirs, or an error's own words.
"""

from contextlib import AbstractContextManager
from typing import Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from safycore_backend.asgi_types import Scope

Value = str | int | float | bool


class Span(Protocol):
    """What happens between its beginning and its end; an exception that leaves it marks it as failed."""

    def tell(self, **facts: Value) -> None:
        """Facts that were not known at its beginning."""


class Recorder(Protocol):
    """What makes spans and sends them somewhere."""

    def span(self, name: str, facts: dict[str, Value]) -> AbstractContextManager[Span]:
        """Within the span that runs in this task, if any."""

    def request(self, scope: Scope) -> AbstractContextManager[Span]:
        """Of a request; the first of its trace, or where that is configured part of the client's."""

    def event(self, name: str) -> None:
        """A moment of the span that runs in this task."""

    async def close(self) -> None:
        """Send what is left, for a few seconds at most."""


class _Nothing(AbstractContextManager[Span]):
    def __enter__(self) -> "_Nothing":
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def tell(self, **facts: Value) -> None:
        return None


_NOTHING = _Nothing()
_recorder: Recorder | None = None


def span(name: str, **facts: Value) -> AbstractContextManager[Span]:
    return _NOTHING if _recorder is None else _recorder.span(name, facts)


def request_span(scope: Scope) -> AbstractContextManager[Span]:
    return _NOTHING if _recorder is None else _recorder.request(scope)


def event(name: str) -> None:
    if _recorder is not None:
        _recorder.event(name)


def open_tracing() -> None:
    """In each process that serves. Raises ImproperlyConfigured where it is wanted and not installed."""
    global _recorder  # noqa: PLW0603  # one per process, and nothing to look up while it is off
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        return
    try:
        from safycore_backend.open_telemetry import OpenTelemetry
    except ImportError as exc:
        raise ImproperlyConfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed: "
            "pip install --require-hashes -r requirements/tracing.lock, or leave the variable out."
        ) from exc
    _recorder = OpenTelemetry(settings.OTEL_EXPORTER_OTLP_ENDPOINT, settings.OTEL_SERVICE_NAME)


async def close_tracing() -> None:
    global _recorder
    recorder, _recorder = _recorder, None
    if recorder is not None:
        await recorder.close()
