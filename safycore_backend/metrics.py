"""What is counted and timed, for Prometheus: docs/operations/monitoring.md describes each.

Labels have few values, none that a client can make up: routes as the URLconf writes them, our own error codes, the
models on offer. Never a path, an id, an address. Under gunicorn every worker counts into files of its own, which
gunicorn_hooks.py looks after; whichever worker is asked tells the sum.
"""

from collections.abc import Iterable

from django.conf import settings
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from safycore_backend import metrics_files

# When each series began, one more series for each: several processes could not tell it, one alone need not.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
OTHER = "other"
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_FIRST_TOKEN_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 20, 30)
_DATABASE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_LAG_BUCKETS = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 45)


def _counter(name: str, what: str, *labels: str) -> Counter:
    return Counter(f"safycore_{name}", what, labels, registry=REGISTRY)


def _gauge(name: str, what: str, mode: str = "livesum") -> Gauge:
    """Over all workers that live: their sum, or with `livemax` the greatest of them."""
    return Gauge(f"safycore_{name}", what, registry=REGISTRY, multiprocess_mode=mode)  # type: ignore[arg-type]


def _histogram(name: str, what: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(f"safycore_{name}", what, labels, registry=REGISTRY, buckets=buckets)


_requests = _counter("requests", "Requests that were answered, or given up by the client.", "route", "method", "status")
_request_seconds = _histogram(
    "request_seconds", "From a request's head to the end of its answer.", _REQUEST_BUCKETS, "route", "method"
)
_first_token_seconds = _histogram(
    "first_token_seconds", "From the stored message to the first text of its reply.", _FIRST_TOKEN_BUCKETS, "model"
)
_tokens = _counter("tokens", "Tokens as the model's server counted them.", "model", "kind")
_replies = _counter("replies", "Replies that ended.", "outcome", "error")
_upstream_errors = _counter("upstream_errors", "Requests to the model that failed.", "code")
_limits_reached = _counter("limits_reached", "Requests refused by a limit.", "limit")
_token_checks = _counter("token_checks", "Access tokens that were looked at.", "result")

replies_running = _gauge("replies_running", "Replies that are being made.")
breaker_open = _gauge("breaker_open", "Processes that leave the model alone because it failed in a row.")
cache_away = _gauge("cache_away", "Processes that go on without the shared cache.")
cache_failures = _counter("cache_failures", "Times that the shared cache did not answer.")
checkpoint_seconds = _histogram("checkpoint_seconds", "How long saving a growing reply took.", _DATABASE_BUCKETS)
checkpoint_lag_seconds = _histogram(
    "checkpoint_lag_seconds", "How long ago a running reply was last saved, at the end of each try.", _LAG_BUCKETS
)
checkpoint_failures = _counter("checkpoint_failures", "Tries to save a growing reply that failed.")
finish_seconds = _histogram(
    "finish_seconds", "From the model's last word to the saved end, every try included.", _DATABASE_BUCKETS
)
pool_size = _gauge("pool_size", "Connections to Postgres.")
pool_idle = _gauge("pool_idle", "Connections to Postgres that carry nothing now.")
pool_waiting = _gauge("pool_waiting", "Calls that wait for a connection now.")
pool_calls = _counter("pool_calls", "Calls to Postgres.")
pool_waits = _counter("pool_waits", "Calls for which no connection was free.")
pool_wait_seconds = _counter("pool_wait_seconds", "Time that calls waited for a connection.")
pool_errors = _counter("pool_errors", "Calls that got no connection in time.")
event_loop_lag_seconds = _gauge(
    "event_loop_lag_seconds", "How late the event loop comes to what is due; the worst process.", "livemax"
)


def begin_at_zero(*, upstream: Iterable[str], replies: Iterable[str], limits: Iterable[str]) -> None:
    """Name what may be counted one day: to Prometheus the first count of a series it has not seen is no increase."""
    for code in upstream:
        _upstream_errors.labels(code)
    for code in replies:
        _replies.labels("error", code)
        _replies.labels("interrupted", code)
    for limit in limits:
        _limits_reached.labels(limit)


def request_ended(route: str, method: str, status: int, seconds: float) -> None:
    """`route` as the URLconf writes it, or OTHER."""
    known = known_method(method)
    _requests.labels(route, known, status).inc()
    _request_seconds.labels(route, known).observe(seconds)


def known_method(method: str) -> str:
    """A client can make up methods."""
    return method if method in _METHODS else OTHER


def first_token(model: str, seconds: float) -> None:
    _first_token_seconds.labels(_offered(model)).observe(seconds)


def tokens_used(model: str, prompt: int, completion: int) -> None:
    offered = _offered(model)
    _tokens.labels(offered, "prompt").inc(prompt)
    _tokens.labels(offered, "completion").inc(completion)


def reply_ended(outcome: str, error: str | None) -> None:
    """`error` is one of our own codes; none where nothing went wrong."""
    _replies.labels(outcome, error or "none").inc()


def upstream_error(code: str) -> None:
    _upstream_errors.labels(code).inc()


def limit_reached(limit: str) -> None:
    _limits_reached.labels(limit).inc()


def token_checked(result: str) -> None:
    _token_checks.labels(result).inc()


def _offered(model: str) -> str:
    """A row can name a model that is on offer no more."""
    return model if model in settings.GROQ_MODELS else OTHER


def exposition() -> bytes:
    """All metrics in Prometheus' text format, of every worker. Reads files: not for the event loop."""
    folder = metrics_files.folder()
    if folder is None:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    with metrics_files.at_rest(folder):
        return generate_latest(registry)
