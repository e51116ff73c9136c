"""What it costs to be seen: CPU of all that one reply has counted, logged and traced. `make bench-observing`

A reply of 128 tokens in three seconds, with its request: the very calls that the server makes for it, in a process that
does nothing else, so that microseconds can be told. Counted in memory, as a process alone does, and into files, as the
workers of a gunicorn do. The least of many rounds: what else the machine does only adds.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from typing import Any

ROUNDS = 30
TIMES = 200
TOKENS = 128
CHECKPOINTS = 3


def main() -> None:
    print(f"Microseconds of CPU for a request and its reply of {TOKENS} tokens, the least of {ROUNDS} rounds")
    for name, files in (("in memory", False), ("into files", True)):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, **({"PROMETHEUS_MULTIPROC_DIR": folder} if files else {})}
            command = [sys.executable, "-m", "bench.observing", "measure"]
            result = subprocess.run(  # ourselves
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True
            )
        print(f"counted {name}:\n{result.stdout}", end="")


def measure() -> None:
    import django

    import tests.environment  # noqa: F401  # before the settings, which refuse to load without

    django.setup()
    from structlog.contextvars import clear_contextvars

    parts: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
        "metrics": _counted,
        "context of the log": _bound,
        "the access line": _told,
        "spans that are off": _traced,
    }
    for name, part in parts.items():
        clear_contextvars()
        print(f"  {name:<20} {asyncio.run(_least(part)):7.1f}")


async def _least(part: Callable[[], Coroutine[Any, Any, None]]) -> float:
    least = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(TIMES):
            await part()
        least = min(least, 1e6 * (time.process_time() - begun) / TIMES)
    return least


async def _counted() -> None:
    from safycore_backend import metrics

    metrics.token_checked("remembered")
    metrics.replies_running.set(1)
    metrics.first_token("openai/gpt-oss-120b", 0.3)
    metrics.breaker_open.set(0)
    for _ in range(CHECKPOINTS):
        with metrics.checkpoint_seconds.time():
            pass
        metrics.checkpoint_lag_seconds.observe(0.8)
    with metrics.finish_seconds.time():
        pass
    metrics.tokens_used("openai/gpt-oss-120b", 400, TOKENS)
    metrics.reply_ended("complete", None)
    metrics.replies_running.set(0)
    metrics.request_ended("api/chat/stream/", "POST", 200, 3.0)


async def _bound() -> None:
    from safycore_backend import log_context

    log_context.about_request("0123456789abcdef0123456789abcdef")
    log_context.about_user("0b6c0d52-6a54-4f4e-9d0c-0b6c0d526a54")
    log_context.about_session("c1f9e1de-13cf-4a0e-8a52-77d3f1f2b3a4")
    log_context.about_turn("9d3c1f0e-5a1b-4c2d-8e3f-1a2b3c4d5e6f")


async def _told() -> None:
    from safycore_backend.observed import Seen, tell

    seen = Seen("api/chat/stream/", 200, "0123456789abcdef0123456789abcdef", "0b6c0d52-6a54-4f4e-9d0c-0b6c0d526a54")
    tell("POST", seen, 3.0)


async def _traced() -> None:
    from safycore_backend import tracing

    with tracing.request_span({}) as request:
        for name in ("authenticate", "begin_turn", "model_request", *CHECKPOINTS * ("checkpoint",), "finish"):
            with tracing.span(name):
                pass
        tracing.event("first_token")
        request.tell(route="api/chat/stream/", status=200)


if __name__ == "__main__":
    measure() if sys.argv[1:] == ["measure"] else main()
