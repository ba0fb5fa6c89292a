"""The runner's one connection: a thread that reads and a thread that writes, so that the decode thread does neither."""

import contextlib
import logging
import os
import queue
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from inference.runner.engine.embedder import EmbeddingJob
from inference.runner.engine.kv_store import Loaded
from inference.runner.engine.request import Request
from inference.runner.messages import (
    Abort,
    Embed,
    Forget,
    Ping,
    Rerank,
    Shutdown,
    Submit,
    Tokenize,
    ToRunner,
    decode_to_runner,
    encode_frame,
)
from inference.runner.outbox import Outbox
from inference.runner.wire import BrokenFrame, read_frame

if TYPE_CHECKING:
    from inference.runner.preparers import Preparers

logger = logging.getLogger(__name__)

_ACCEPT_SECONDS = 30.0
_UMASK_OWNER_ONLY = 0o177


@dataclass(frozen=True, slots=True)
class Stop:
    """No more work comes: the requests that are open are to be ended."""

    is_broken: bool = False
    #: For saving states.
    seconds: float = Shutdown().seconds


Work = Request | EmbeddingJob | Loaded | Abort | Forget | Ping | Stop
#: SimpleQueue, because its `put` may be called from a signal handler.
Inbox = queue.SimpleQueue[Work]


def listen(path: str) -> socket.socket:
    """A listening Unix socket that only this user can connect to. Raises `OSError`."""
    # One that is left over from a runner that was killed before anyone connected.
    Path(path).unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(_UMASK_OWNER_ONLY)
    try:
        server.bind(path)
    finally:
        os.umask(previous)
    server.listen(1)
    return server


def accept(server: socket.socket, path: str) -> socket.socket:
    """The one client; nobody can connect after it. Raises `TimeoutError` when none comes."""
    try:
        server.settimeout(_ACCEPT_SECONDS)
        connection, _address = server.accept()
    finally:
        server.close()
        with contextlib.suppress(OSError):
            Path(path).unlink()
    connection.setblocking(True)
    return connection


def send_at_once(connection: socket.socket, frames: bytes) -> int:
    """As many bytes as go out without waiting. What is wrong with the connection is found by whoever sends the rest."""
    try:
        return connection.send(frames, socket.MSG_DONTWAIT)
    except OSError:
        return 0


class Reader(threading.Thread):
    """Frames to work. Ends with one `Stop`, when the client is gone or breaks the contract."""

    def __init__(self, connection: socket.socket, preparers: "Preparers", inbox: Inbox, outbox: Outbox) -> None:
        super().__init__(name="reader", daemon=True)
        self._connection = connection
        self._preparers = preparers
        self._inbox = inbox
        self._outbox = outbox

    def run(self) -> None:
        is_broken, seconds = False, Shutdown().seconds
        try:
            while (body := read_frame(self._connection)) is not None:
                message = decode_to_runner(body)
                if isinstance(message, Shutdown):
                    seconds = message.seconds
                    break
                self._dispatch(message, len(body))
                self._outbox.wait_for_room()
        except (BrokenFrame, msgspec.DecodeError) as error:
            logger.error("The client sent something that is no message: %s", error)
            is_broken = True
        except Exception:
            logger.exception("The reader failed")
            is_broken = True
        finally:
            self._inbox.put(Stop(is_broken, seconds))

    def _dispatch(self, message: ToRunner, num_bytes: int) -> None:
        match message:
            case Submit() | Embed() | Rerank() | Tokenize():
                self._preparers.add(message, num_bytes)
            case Abort(request_id):
                if not self._preparers.abort(request_id):
                    self._inbox.put(message)
            case Forget():
                self._preparers.forget(message)
            case Ping():
                self._inbox.put(message)


class Writer(threading.Thread):
    """Sends what the outbox holds, until that is closed. When the client no longer reads, the rest is dropped."""

    def __init__(self, connection: socket.socket, outbox: Outbox) -> None:
        super().__init__(name="writer", daemon=True)
        self._connection = connection
        self._outbox = outbox

    def run(self) -> None:
        try:
            while messages := self._outbox.take():
                frames = (message if isinstance(message, bytes) else encode_frame(message) for message in messages)
                self._connection.sendall(b"".join(frames))
        except OSError:
            # The reader sees the same and stops the runner.
            logger.info("The client is gone")
            self._outbox.close()
