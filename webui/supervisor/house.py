"""All of Hearth's processes together: started side by side, announced when they answer, stopped as one."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence

from webui.supervisor.output import write_line
from webui.supervisor.service import Service, ServiceCannotStart


async def keep_house(services: Sequence[Service], *, prepare: Callable[[], Awaitable[None]] | None, announce: str) -> int:
    """Run until SIGTERM or SIGINT (0) or until the site cannot start (1).

    `prepare` runs beside every service but the web process, which is first in `services` and waits for it.
    """
    stopping = asyncio.Event()
    _listen_for_signals(stopping, services)
    tasks = [asyncio.create_task(_prepared(services[0], prepare))]
    tasks += [asyncio.create_task(service.run()) for service in services[1:]]
    tasks.append(asyncio.create_task(_announce(services, announce)))
    ended = asyncio.create_task(stopping.wait())
    try:
        return await _until_ended(ended, tasks)
    finally:
        for task in (*tasks, ended):
            task.cancel()
        await asyncio.gather(*tasks, ended, return_exceptions=True)


async def _prepared(service: Service, prepare: Callable[[], Awaitable[None]] | None) -> None:
    if prepare:
        await prepare()
    await service.run()


async def _until_ended(ended: "asyncio.Task[bool]", tasks: "list[asyncio.Task[None]]") -> int:
    waiting: set[asyncio.Task[bool] | asyncio.Task[None]] = {ended, *tasks}
    while not ended.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            failure = task.exception()
            if isinstance(failure, ServiceCannotStart):
                write_line("hearth", f"ERROR: {failure}")
                return 1
            if failure:
                raise failure
    write_line("hearth", "Stopping.")
    return 0


def _listen_for_signals(stopping: asyncio.Event, services: Sequence[Service]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, _retry_all, services)


def _retry_all(services: Sequence[Service]) -> None:
    for service in services:
        service.retry_now()


async def _announce(services: Sequence[Service], announce: str) -> None:
    for service in services:
        await service.settled.wait()
    failed = [service for service in services if service.failure]
    if not failed:
        write_line("hearth", announce)
    for service in failed:
        write_line("hearth", f"{announce} (without its {service.title}, which could not start)")
