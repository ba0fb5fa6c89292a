"""A page of somebody else: on another origin, with the clients that tests/js installs from npm, as ES modules."""

import functools
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = Path(__file__).parents[1] / "js" / "node_modules"
IMPORTS = {
    "ollama": "/ollama/dist/browser.mjs",
    "whatwg-fetch": "/whatwg-fetch/fetch.js",
    "openai": "/openai/index.mjs",
    "#x509-transport-state": "/openai/internal/auth/x509-transport-state.mjs",
}
PAGE = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Elsewhere</title>
<link rel="icon" href="data:,"><script type="importmap">{json.dumps({"imports": IMPORTS})}</script>"""


class _Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        content = PAGE.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Nothing: tests print what matters."""


@contextmanager
def other_origin() -> Iterator[str]:
    """The address of the page."""
    handler = functools.partial(_Handler, directory=str(PACKAGES))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()
