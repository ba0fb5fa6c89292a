"""Questions to the database about keys and rights, in threads of their own: an answer never waits behind somebody's page."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from webui.services.database_threads import run_in

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="api-keys")


async def in_database(function: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
    return await run_in(_threads, function, *args, **kwargs)
