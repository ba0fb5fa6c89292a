"""Runs the service: binds both sockets, serves until a signal comes, ends every stream and every runner."""

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn
import uvloop

from inference.address import Address, bind_tcp
from inference.api.app import build_app
from inference.api.http_protocol import counting_in
from inference.api.preload import preload
from inference.api.runtime import Runtime
from inference.api.works import register_works
from inference.garbage import spare_what_is_there
from inference.jobs import JobManager
from inference.kv.housekeeping import limit_folder
from inference.library.models import Library
from inference.library.starter import find_starter_file, import_starter
from inference.runner.client import RunnerClient
from inference.scheduler import Scheduler
from inference.settings import Settings

#: How long connections may take to end once every stream has its last line.
_GRACE_S = 2
_BACKLOG = 1024
#: Bytes of `sun_path` on Linux, less the closing zero.
_LONGEST_SOCKET_PATH = 107

logger = logging.getLogger(__name__)


class StartupError(Exception):
    """The service cannot start; the text is one sentence for the operator."""


def serve(settings: Settings) -> None:
    """Returns after SIGTERM or SIGINT. Raises `StartupError`."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _exit_quietly)
    _configure_logging(settings.log_level)
    sockets = _bind(settings)
    try:
        library = Library(settings.models_dir, prunes=settings.prunes, import_dir=settings.import_dir)
        library.prune_at_start()
        import_starter(library, find_starter_file())
        limit_folder(settings.kv_dir, settings.kv_cache_max)
        uvloop.run(_serve(settings, library, sockets))
    finally:
        settings.socket_path.unlink(missing_ok=True)


async def _serve(settings: Settings, library: Library, sockets: list[socket.socket]) -> None:
    scheduler = Scheduler(settings, RunnerClient.start)
    await scheduler.prepare()
    jobs = JobManager(settings.jobs_dir)
    runtime = Runtime(settings, library, scheduler, jobs)
    await asyncio.to_thread(runtime.uploads.remove_expired)
    register_works(runtime)
    await jobs.start()
    config = uvicorn.Config(
        build_app(runtime),
        # Between two tokens of a stream every core is wanted by the model: what is spent here makes it slower.
        http=counting_in(runtime.arrivals),
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_GRACE_S,
    )
    logger.info("Listening on %s.", " and ".join([*map(_describe, sockets[:-1]), str(settings.socket_path)]))
    spare_what_is_there()
    preloading = asyncio.create_task(preload(runtime))
    await _Server(config, runtime).serve(sockets=sockets)
    preloading.cancel()


class _Server(uvicorn.Server):
    """Has all jobs stopped and all streams, pulls and pushes ended before waiting for connections to end."""

    def __init__(self, config: uvicorn.Config, runtime: Runtime) -> None:
        super().__init__(config)
        self._runtime = runtime

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        logger.info("Stopping.")
        await self._runtime.jobs.close()
        await asyncio.gather(super().shutdown(sockets=sockets), self._runtime.close())


def _bind(settings: Settings) -> list[socket.socket]:
    """TCP first: the Unix socket of a service that runs must not be taken from it by one that cannot start."""
    tcp = [] if settings.api_keys_required else [_bind_address(settings.address)]
    try:
        _make_folder(settings.data_dir, 0o755, "HEARTH_DATA")
        _make_folder(settings.run_dir, 0o700, "HEARTH_DATA")
        _make_folder(settings.models_dir, 0o755, "OLLAMA_MODELS")
        return [*tcp, _bind_unix(settings.socket_path)]
    except BaseException:
        for listener in tcp:
            listener.close()
        raise


def _bind_address(address: Address) -> socket.socket:
    try:
        listener = bind_tcp(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartupError(
                f"Port {address.port} is already in use: stop what listens there (perhaps Ollama), "
                "or set OLLAMA_HOST to another address."
            ) from None
        reason = error.strerror or str(error)
        raise StartupError(f"OLLAMA_HOST: cannot listen on {address.host or '*'} port {address.port}: {reason}.") from None
    return listener


def _make_folder(path: Path, mode: int, variable: str) -> None:
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise StartupError(f"The folder {path} cannot be created ({error.strerror}); set {variable} to another one.") from None


def _bind_unix(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
        raise StartupError(f"The path {path} is too long for a socket; set HEARTH_DATA to a shorter one.")
    if _answers(path):
        raise StartupError(f"Another Hearth is already running with the data folder {path.parent.parent}.")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Between bind and chmod nobody else may connect.
    mask = os.umask(0o177)
    try:
        for stale in (path, *path.parent.glob("r*.sock")):
            stale.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise StartupError(f"The socket {path} cannot be created: {error.strerror}.") from None
    finally:
        os.umask(mask)
    return listener


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _describe(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return Address("http", host, port).url


def _configure_logging(level: int) -> None:
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("asyncio").setLevel(max(level, logging.WARNING))
    logging.getLogger("uvicorn").setLevel(max(level, logging.WARNING))


def _exit_quietly(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
