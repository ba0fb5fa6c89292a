"""`python -m inference.runner`: serves one model to one client until that is gone.

Reads a `RunnerConfig` as JSON from standard input, prints `listening` when the socket is there, sends `LoadProgress`
and then `RunnerReady` or `LoadFailed` to the client that connects. Exit codes: 0 asked to end or client gone;
1 the model cannot be loaded; 2 bad configuration or socket; 3 the client broke the contract.
"""

import contextlib
import functools
import logging
import logging.handlers
import os
import queue
import signal
import socket
import sys
from pathlib import Path

import msgspec

from inference.errors import ModelLoadFailed
from inference.garbage import spare_what_is_there
from inference.prompt.chat_template import ChatTemplate
from inference.runner import lifetime
from inference.runner.config import RunnerConfig
from inference.runner.connection import Inbox, Reader, Stop, Writer, accept, listen, send_at_once
from inference.runner.decode_loop import DecodeLoop
from inference.runner.embedding_preparation import EmbeddingPreparation
from inference.runner.engine.embedder import Embedder
from inference.runner.engine.engine import Engine
from inference.runner.intake import Intake
from inference.runner.kv_saving import open_store, save_states
from inference.runner.kv_worker import KVWorker
from inference.runner.llama import backend
from inference.runner.llama.embedding_runner import LlamaEmbeddingRunner, is_embedding_model
from inference.runner.llama.model_runner import LlamaModelRunner
from inference.runner.llama.pooling import LlamaPooling
from inference.runner.messages import LoadFailed, LoadProgress
from inference.runner.outbox import Outbox
from inference.runner.preparation import Preparation
from inference.runner.preparers import Preparers
from inference.runner.token_preparation import TokenPreparation

_EXIT_LOAD_FAILED = 1
_EXIT_BAD_START = 2
_EXIT_BROKEN_CLIENT = 3

#: How long another Python thread may keep the interpreter from the decode thread, in seconds; the default is 5 ms.
_SWITCH_INTERVAL = 0.0005
_LAST_SECONDS = 10.0
_MAX_LOG_LINES = 1000


class _DroppingHandler(logging.handlers.QueueHandler):
    """Hands lines to the log thread. When that cannot keep up they are lost: the decode thread does not wait for a log."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the name is logging's
        pass


def main() -> int:
    parent_pid = os.getppid()
    listener = _start_logging()
    try:
        config = msgspec.json.decode(sys.stdin.buffer.read(), type=RunnerConfig)
        lifetime.die_with_parent(parent_pid)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        connection = _connect(config)
    except (msgspec.DecodeError, OSError) as error:
        logging.getLogger(__name__).error("The runner cannot start: %s", error)
        return _EXIT_BAD_START
    else:
        with connection:
            return _serve(config, connection)
    finally:
        listener.stop()


def _connect(config: RunnerConfig) -> socket.socket:
    server = listen(config.socket_path)
    print("listening", flush=True)  # noqa: T201  # the client waits for it
    return accept(server, config.socket_path)


def _serve(config: RunnerConfig, connection: socket.socket) -> int:
    outbox = Outbox(send=functools.partial(send_at_once, connection))
    writer = Writer(connection, outbox)
    writer.start()
    try:
        open_runner = LlamaEmbeddingRunner if is_embedding_model(Path(config.model_path)) else LlamaModelRunner
        model_runner = open_runner(config, on_progress=lambda fraction: outbox.put([LoadProgress(fraction)]))
    except ModelLoadFailed as error:
        outbox.put([LoadFailed(str(error), lacks_memory=backend.lacks_memory())])
        _flush(outbox, writer)
        return _EXIT_LOAD_FAILED
    stop = _run(config, connection, model_runner, outbox)
    _flush(outbox, writer)
    model_runner.close()
    return _EXIT_BROKEN_CLIENT if stop.is_broken else 0


def _run(
    config: RunnerConfig, connection: socket.socket, model_runner: LlamaModelRunner | LlamaEmbeddingRunner, outbox: Outbox
) -> Stop:
    inbox: Inbox = queue.SimpleQueue()
    pooling = LlamaPooling(model_runner.model, model_runner.adapters, config, num_ctx=model_runner.num_ctx)
    preparers = Preparers(functools.partial(_build_intake, model_runner), inbox, outbox)
    reader = Reader(connection, preparers, inbox, outbox)
    signal.signal(signal.SIGTERM, lambda _signal, _frame: inbox.put(Stop()))
    sys.setswitchinterval(_SWITCH_INTERVAL)
    ready = model_runner.describe()
    outbox.put([ready])
    reader.start()
    engine, store = _build_engine(config, model_runner, inbox)
    embedder = Embedder(pooling, max_gap_ms=config.max_gap_ms)
    loop = DecodeLoop(engine, embedder, inbox, outbox, shares_cores=not ready.device_bytes)
    spare_what_is_there()
    stop = loop.run()
    lifetime.exit_unless_done(_LAST_SECONDS)
    # Some more requests may have become ready.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RD)
    outbox.lift_bound()
    reader.join()
    preparers.close()
    loop.end_all()
    pooling.close()
    # All that is to be said has been said: the writer sends it while states are saved.
    outbox.close()
    if engine is not None and store is not None:
        save_states(engine, store, stop.seconds)
    # They use the model's vocabulary: they have to be gone before the model is.
    preparers.join()
    return stop


def _build_engine(
    config: RunnerConfig, model_runner: LlamaModelRunner | LlamaEmbeddingRunner, inbox: Inbox
) -> tuple[Engine | None, KVWorker | None]:
    """With what it keeps outside the KV cache, if anything. None for a model that writes no text."""
    if not isinstance(model_runner, LlamaModelRunner):
        return None, None
    store = open_store(config, model_runner, inbox)
    return Engine(model_runner, max_gap_ms=config.max_gap_ms, store=store), store


def _build_intake(model_runner: LlamaModelRunner | LlamaEmbeddingRunner) -> Intake:
    model, vocabulary = model_runner.model, model_runner.vocabulary
    embedding = EmbeddingPreparation(
        vocabulary=vocabulary,
        num_ctx=model_runner.num_ctx,
        is_reranker=model.is_reranker,
        rerank_template=model.rerank_template,
    )
    if isinstance(model_runner, LlamaEmbeddingRunner):
        return Intake(None, embedding, TokenPreparation(vocabulary, None))
    template = ChatTemplate(
        model.chat_template,
        bos_text=vocabulary.special_text(vocabulary.bos_token),
        eos_text=vocabulary.special_text(vocabulary.eos_token),
    )
    generation = Preparation(
        vocabulary=vocabulary, template=template, num_ctx=model_runner.num_ctx, image_reader=model_runner.projector
    )
    return Intake(generation, embedding, TokenPreparation(vocabulary, generation.write))


def _flush(outbox: Outbox, writer: Writer) -> None:
    outbox.close()
    writer.join(_LAST_SECONDS)


def _start_logging() -> logging.handlers.QueueListener:
    lines: queue.Queue[logging.LogRecord] = queue.Queue(_MAX_LOG_LINES)
    target = logging.StreamHandler(sys.stderr)
    target.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    # Not basicConfig: it would give the queue's handler a formatter too, and lines would be formatted twice.
    logging.root.addHandler(_DroppingHandler(lines))
    logging.root.setLevel(logging.INFO)
    listener = logging.handlers.QueueListener(lines, target)
    listener.start()
    return listener


if __name__ == "__main__":
    sys.exit(main())
