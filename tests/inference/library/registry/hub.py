"""A host that answers as Hugging Face does: files of repositories, and no manifest for weights in several files."""

import hashlib
import json
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from tests.inference.library.registry.faulty_proxy import Asked, Sent

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REFUSAL = (
    "The specified repository contains sharded GGUF. Ollama does not support this yet. "
    "Follow this issue for more info: https://github.com/ollama/ollama/issues/5245"
)


@dataclass
class Hub:
    """One repository, `people/model`. `token`: what it takes to get anything."""

    files: dict[str, bytes]
    token: str = ""

    def __call__(self, asked: Asked) -> Sent:
        path = unquote(urlsplit(asked.target).path)
        if self.token and asked.headers.get("authorization") != f"Bearer {self.token}":
            return Sent(401, {}, b'{"error":"Access to model people/model is restricted."}')
        if path.startswith("/v2/people/model/manifests/"):
            return Sent(400, {"content-type": "application/json"}, json.dumps({"error": REFUSAL}).encode())
        if path == "/api/models/people/model":
            return Sent(200, {"content-type": "application/json"}, json.dumps(self.listing()).encode())
        prefix = f"/people/model/resolve/{COMMIT}/"
        content = self.files.get(path.removeprefix(prefix)) if path.startswith(prefix) else None
        return Sent(404, {}, b"") if content is None else part_of(content, asked)

    def listing(self) -> dict[str, object]:
        return {
            "id": "people/model",
            "sha": COMMIT,
            "gated": False,
            "siblings": [
                {
                    "rfilename": name,
                    "size": len(content),
                    "blobId": "0" * 40,
                    "lfs": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134},
                }
                for name, content in self.files.items()
            ]
            + [{"rfilename": "README.md", "size": 10, "blobId": "1" * 40}],
        }


def part_of(content: bytes, asked: Asked) -> Sent:
    if asked.range is None:
        return Sent(200, {}, content)
    start, end = asked.range
    end = min(end, len(content))
    return Sent(206, {"content-range": f"bytes {start}-{end - 1}/{len(content)}"}, content[start:end])
