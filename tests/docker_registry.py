"""A real registry, Debian's `docker-registry`, on a free port with a folder of its own."""

import contextlib
import hashlib
import json
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from inference.library.manifests import CONFIG_TYPE, LAYER_PREFIX, MANIFEST_TYPE
from tests.ports import free_port

PROGRAM = "docker-registry"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def random_bytes(count: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(count)


class DockerRegistry:
    def __init__(self, folder: Path, htpasswd: str = "") -> None:
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        #: Who the tests themselves are to it.
        self.headers: dict[str, str] = {}
        self._folder = folder
        self._htpasswd = htpasswd
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "DockerRegistry":
        self._folder.mkdir(parents=True, exist_ok=True)
        config = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self._folder / "store")}, "delete": {"enabled": True}},
            "http": {"addr": self.host},
        }
        if self._htpasswd:
            (self._folder / "htpasswd").write_text(self._htpasswd)
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(self._folder / "htpasswd")}}
        path = self._folder / "config.json"
        path.write_text(json.dumps(config))
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([PROGRAM, "serve", str(path)], stdout=log, stderr=log)
        end = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < end, "the registry does not start"
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/v2/").status_code in (200, 401)
        return False

    def push(self, repository: str, tag: str, layers: dict[str, bytes], config: bytes = b"{}") -> bytes:
        """Puts a model there by hand, as `kind: content`; the manifest's bytes, which are of a form we never write."""
        with httpx.Client(base_url=self.url, headers=self.headers) as http:
            for content in (config, *layers.values()):
                if http.head(f"/v2/{repository}/blobs/{digest_of(content)}").is_success:
                    continue
                started = http.post(f"/v2/{repository}/blobs/uploads/").raise_for_status()
                target = httpx.URL(started.headers["location"]).copy_merge_params({"digest": digest_of(content)})
                http.put(target, content=content, headers={"content-type": "application/octet-stream"}).raise_for_status()
            manifest = manifest_of(layers, config)
            answer = http.put(f"/v2/{repository}/manifests/{tag}", content=manifest, headers={"content-type": MANIFEST_TYPE})
            answer.raise_for_status()
        return manifest

    def manifest(self, repository: str, tag: str) -> bytes:
        answer = httpx.get(f"{self.url}/v2/{repository}/manifests/{tag}", headers={**self.headers, "accept": MANIFEST_TYPE})
        return answer.raise_for_status().content

    def blob(self, repository: str, digest: str) -> bytes:
        return httpx.get(f"{self.url}/v2/{repository}/blobs/{digest}", headers=self.headers).raise_for_status().content


def manifest_of(layers: dict[str, bytes], config: bytes = b"{}") -> bytes:
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"digest": digest_of(config), "size": len(config), "mediaType": CONFIG_TYPE},
        "layers": [
            {"size": len(content), "mediaType": LAYER_PREFIX + kind.partition("#")[0], "digest": digest_of(content)}
            for kind, content in layers.items()
        ],
    }
    return json.dumps(manifest, indent=3).encode() + b"\n"


@contextlib.contextmanager
def running_registry(folder: Path, htpasswd: str = "") -> Iterator[DockerRegistry]:
    if shutil.which(PROGRAM) is None:
        pytest.skip("docker-registry is not installed: see scripts/install-test-programs")
    registry = DockerRegistry(folder, htpasswd)
    try:
        yield registry.start()
    finally:
        registry.stop()
