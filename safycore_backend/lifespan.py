"""What starts and stops with a server process, over ASGI's lifespan protocol, which Django does not speak."""

import gc
from collections.abc import Awaitable, Callable

import structlog
from django.core.exceptions import ImproperlyConfigured

from chat.service import close_chat, open_chat
from safycore_backend.asgi_types import Application, Message, Receive, Scope, Send
from safycore_backend.cache import process_cache
from safycore_backend.django_database import close_django_database, open_django_database
from safycore_backend.doors import door
from safycore_backend.pulse import pulse
from safycore_backend.supabase_client import close_supabase_clients
from safycore_backend.tracing import close_tracing, open_tracing

log = structlog.get_logger(__name__)
# Objects, then collections of the generation below. Python's own 700, 10, 10 are for short programs.
_COLLECTIONS = (2_000, 10, 10)


async def start() -> None:
    """Open what requests share. Raises ImproperlyConfigured when the server must not run."""
    open_tracing()
    await door().open()
    await open_django_database()
    await open_chat()
    pulse().start()
    _set_the_collector_up()


def _set_the_collector_up() -> None:
    """Rare collections, of what came after the start: one that looks at all that was imported holds every reply up."""
    gc.collect()
    gc.freeze()
    # Python puts a full collection off until a quarter of what the last one left has come: of nothing, from now on.
    gc.collect()
    gc.set_threshold(*_COLLECTIONS)


async def stop() -> None:
    """Finish what runs, then let go of every connection."""
    await close_chat()
    await pulse().stop()
    await door().close()
    await close_django_database()
    await close_supabase_clients()
    await process_cache().aclose()
    await close_tracing()


class Lifespan:
    """Answers the server's start and stop; hands everything else on."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._application(scope, receive, send)
            return
        await receive()
        if await _answered(start, "startup", send):
            await receive()
            await _answered(stop, "shutdown", send)


async def _answered(step: Callable[[], Awaitable[None]], name: str, send: Send) -> bool:
    try:
        await step()
    # A server takes an error that escapes here for "no lifespan" and would go on without the checks.
    except Exception as exc:
        expected = isinstance(exc, ImproperlyConfigured)
        if not expected:
            log.exception("lifespan_failed", step=name)
        message: Message = {"type": f"lifespan.{name}.failed", "message": str(exc) if expected else "See the log."}
        await send(message)
        return False
    await send({"type": f"lifespan.{name}.complete"})
    return True
