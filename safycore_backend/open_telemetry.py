"""Traces by OpenTelemetry's SDK, over OTLP/HTTP. Only tracing.py imports it, and only where it is wanted."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from safycore_backend import metrics
from safycore_backend.asgi_types import Scope
from safycore_backend.errors import ApiError
from safycore_backend.tracing import Value

_EXPORT_SECONDS = 2
_CLOSE_SECONDS = 3.0
_client_context = TraceContextTextMapPropagator()


class _Span:
    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def tell(self, **facts: Value) -> None:
        self._span.set_attributes(_named(facts))


class OpenTelemetry:
    """A thread sends what has ended every few seconds. A collector that is away costs spans, never a request."""

    def __init__(self, endpoint: str, service: str) -> None:
        self._exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=_EXPORT_SECONDS)
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}))
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("safycore")

    @contextmanager
    def span(self, name: str, facts: dict[str, Value]) -> Iterator[_Span]:
        with _recorded(self._tracer.start_span(name, attributes=_named(facts))) as span:
            yield _Span(span)

    @contextmanager
    def request(self, scope: Scope) -> Iterator["_RequestSpan"]:
        method = metrics.known_method(scope["method"])
        started = self._tracer.start_span(
            method,
            context=_begun_by_client(scope),
            kind=trace.SpanKind.SERVER,
            attributes={"http.request.method": method},
        )
        with _recorded(started) as span:
            yield _RequestSpan(span, method)

    def event(self, name: str) -> None:
        trace.get_current_span().add_event(name)

    async def close(self) -> None:
        closing = asyncio.create_task(asyncio.to_thread(self._provider.shutdown))
        await asyncio.wait([closing], timeout=_CLOSE_SECONDS)
        # Whatever is left then is given up: a collector that is away holds up no restart.
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _RequestSpan(_Span):
    def __init__(self, span: trace.Span, method: str) -> None:
        super().__init__(span)
        self._method = method

    def tell(self, **facts: Value) -> None:
        route, status = str(facts["route"]), int(facts["status"])
        self._span.update_name(f"{self._method} {route}")
        self._span.set_attributes({"http.route": route, "http.response.status_code": status})
        if status >= 500:
            self._span.set_status(trace.StatusCode.ERROR)


def _named(facts: dict[str, Value]) -> dict[str, Value]:
    return {f"safycore.{name}": value for name, value in facts.items()}


@contextmanager
def _recorded(span: trace.Span) -> Iterator[trace.Span]:
    """The current one of this task, to its end. Of an error its code or kind: its words may quote what people wrote."""
    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield span
        except BaseException as error:
            span.set_attribute("error.type", error.code if isinstance(error, ApiError) else type(error).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise


def _begun_by_client(scope: Scope) -> Context:
    """An empty one, unless clients are trusted to say what is traced, and under which id."""
    if not settings.TRACE_PARENT_FROM_CLIENTS:
        return Context()
    known = {b"traceparent", b"tracestate"}
    carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"] if name in known}
    return _client_context.extract(carrier, context=Context())
