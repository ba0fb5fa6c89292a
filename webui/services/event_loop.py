"""The event loop of the web process, for code that runs in the threads of views.

Generations and sockets live on that loop. The ASGI application binds it with every connection; where nothing has bound one
(a management command, a synchronous test) there are no sockets to tell and no generation can run.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextvars import Context
from typing import Any, TypeVar

Result = TypeVar("Result")
_loop: asyncio.AbstractEventLoop | None = None


def bind(loop: asyncio.AbstractEventLoop) -> None:
    global _loop
    _loop = loop


def bound_loop() -> asyncio.AbstractEventLoop | None:
    """The bound loop if it is running."""
    return _loop if _loop is not None and _loop.is_running() else None


def call_on_loop(function: Callable[..., Any], *args: Any) -> bool:
    """Calls `function` soon on the loop, outside the caller's context; False where there is no loop."""
    loop = bound_loop()
    if loop is None:
        return False
    # An empty context: the request's holds a thread of its own, which must not outlive the request.
    loop.call_soon_threadsafe(function, *args, context=Context())
    return True


def submit(make: Callable[[], Coroutine[Any, Any, Result]]) -> "Future[Result] | None":
    """Runs the coroutine that `make` gives on the loop; None, and `make` is not called, where there is no loop."""
    loop = bound_loop()
    if loop is None:
        return None
    return asyncio.run_coroutine_threadsafe(make(), loop)
