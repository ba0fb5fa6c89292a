"""Small real processes to supervise, and ways to wait for what they do."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

ANSWERS = """
import http.server, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *args): pass
socketserver.TCPServer.allow_reuse_address = True
server = socketserver.TCPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("answering", flush=True)
server.serve_forever()
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + ANSWERS
# Answers once, then takes connections and says nothing, as a process with a stuck event loop does.
HANGS = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
peer, _ = server.accept()
peer.recv(1000); peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n"); peer.close()
time.sleep(1000)
"""
SLEEPS = "import time; time.sleep(1000)"
FAILS = "import sys; print('noise'); sys.exit('WARNING package.name: the shelf is empty.')"
MISCONFIGURED = """
class ConfigurationError(Exception): pass
ConfigurationError.__module__ = "webui.env"
raise ConfigurationError("HEARTH_DEBUG must be true or false, not 'perhaps'.")
"""
# Starts a grandchild that outlives SIGTERM, as a runner with a full decode step may.
HAS_CHILD = (
    """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(1000)"])
"""
    + ANSWERS
)


def script(source: str, *args: object) -> list[str]:
    return [sys.executable, "-c", source, *map(str, args)]


def wait_until(condition: Callable[[], object], *, timeout: float = 20.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def read_text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
