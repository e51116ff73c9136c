"""The types of the ASGI specification, as far as we use them."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# One that does nothing after the answer hands on what the next returns: a coroutine around a stream is memory held.
# The outermost must be a coroutine function all the same: by that uvicorn tells this interface from an older one.
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
