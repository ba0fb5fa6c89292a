"""A runtime in a thread that answers each path as the test says: for views, which ask from threads of their own, and for
answers that a real runtime does not give."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

TAGS = {
    "models": [
        {
            "name": "smollm2:135m",
            "model": "smollm2:135m",
            "modified_at": "2026-11-20T10:00:00.123456789Z",
            "size": 98_000_000,
            "digest": "a" * 64,
            "details": {"family": "llama", "parameter_size": "135M", "quantization_level": "Q4_1", "context_length": 2048},
            "capabilities": ["completion"],
        }
    ]
}


@dataclass
class Answer:
    """JSON, or `raw` bytes as they are."""

    body: Any = None
    status: int = 200
    raw: bytes | None = None

    def content(self) -> bytes:
        return self.raw if self.raw is not None else json.dumps(self.body).encode()


@dataclass
class HTTPRuntime:
    """`answers` by "METHOD /path"; anything else is what Ollama says to a path it does not know. `requests` as they came."""

    url: str
    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[tuple[str, Any]] = field(default_factory=list)

    def answer(self, line: str) -> Answer:
        found = self.answers.get(line, Answer(status=404, raw=b"404 page not found"))
        return found if isinstance(found, Answer) else Answer(found)

    def bodies(self, line: str) -> list[Any]:
        return [body for asked, body in self.requests if asked == line]


@contextmanager
def http_runtime() -> Iterator[HTTPRuntime]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            line = f"{self.command} {self.path}"
            runtime.requests.append((line, json.loads(self.rfile.read(length)) if length else None))
            answer = runtime.answer(line)
            content = answer.content()
            self.send_response(answer.status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            """Quiet."""

    for method in ("GET", "POST", "DELETE", "PATCH"):
        setattr(Handler, f"do_{method}", Handler.answer)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        runtime = HTTPRuntime(f"http://127.0.0.1:{server.server_port}")
        runtime.answers = {"GET /api/version": {"version": "1"}, "GET /api/tags": TAGS, "GET /api/ps": {"models": []}}
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield runtime
        server.shutdown()
        thread.join()
