"""Model files on their way from a browser to the runtime, piece by piece: an interruption costs no more than a piece."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from webui.services.errors import DomainError, failure_from_code
from webui.services.inference_events import plain_text
from webui.services.jobs import Job, read_job
from webui.services.model_changes import check_new_name
from webui.services.runtime_api import call, send

PATH = "/api/hearth/uploads"
#: The page sends pieces of this size; the web process takes none that is larger.
PIECE_BYTES = 8 * 1024 * 1024
#: Seconds: a full disk's last bytes, or a slow one's, take their time.
PATIENCE = 60.0
MAGIC = b"GGUF"
_QUANTIZATION = re.compile(r"[-._]((?:i?q\d[a-z0-9_]*|b?f16|f32|mxfp4)(?:[-._]\w+)?)\Z", re.IGNORECASE)


class NotAModelFile(DomainError):
    """The file does not begin as a GGUF file does."""

    code = "not_a_model_file"


@dataclass(frozen=True)
class Upload:
    """`offset` bytes of `size` have arrived; `digest` is what the file should have, "" where nobody said."""

    id: str
    name: str
    size: int
    offset: int
    digest: str = ""

    @property
    def is_complete(self) -> bool:
        return self.offset >= self.size

    @property
    def fraction(self) -> float:
        return self.offset / self.size

    @property
    def suggested_name(self) -> str:
        """A model's name made of the file's: "SmolLM2-135M-Q4_1.gguf" becomes "smollm2-135m:q4_1"."""
        stem = re.sub(r"\.gguf\Z", "", self.name, flags=re.IGNORECASE)
        found = _QUANTIZATION.search(stem)
        model, tag = (stem[: found.start()], found[1]) if found else (stem, "")
        model = re.sub(r"[^a-z0-9_.-]+", "-", model.lower()).strip("-._")[:80] or "model"
        return f"{model}:{tag.lower()}" if tag else model


def list_uploads() -> list[Upload]:
    """Those that have not become a model yet, the oldest first. Raises RuntimeFailure."""
    answer = call("GET", PATH)
    listed = answer.get("uploads") if isinstance(answer, dict) else None
    return [_upload(entry) for entry in listed if _is_upload(entry)] if isinstance(listed, list) else []


def find_upload(upload_id: str) -> Upload:
    """Raises RuntimeFailure."""
    return _answered(call("GET", f"{PATH}/{upload_id}"))


def begin_upload(name: str, size: int, digest: str = "") -> Upload:
    """A new upload, or the unfinished one of the same file. Raises RuntimeFailure."""
    body = {"name": name, "size": size} | ({"digest": digest} if digest else {})
    return _answered(call("POST", PATH, body))


def append_piece(upload_id: str, *, offset: int, length: int, chunks: Iterable[bytes]) -> Upload:
    """`length` bytes that follow the first `offset`. Raises RuntimeFailure, with the code `offset_mismatch` where they do not
    follow, and NotAModelFile for a first piece that is none."""
    checked = _model_file(chunks) if offset == 0 else chunks
    headers = {"Upload-Offset": str(offset), "Content-Length": str(length), "Content-Type": "application/octet-stream"}
    return _answered(send("PATCH", f"{PATH}/{upload_id}", checked, headers=headers, timeout=PATIENCE))


def finish_upload(upload_id: str, model: str) -> Job:
    """The job that makes a model of it. Raises RuntimeFailure, or ModelChangeRefused for a name that is none or is taken."""
    check_new_name(model)
    return read_job(call("POST", f"{PATH}/{upload_id}/finish", {"model": model}))


def discard_upload(upload_id: str) -> None:
    """What has arrived is thrown away. Raises RuntimeFailure."""
    call("DELETE", f"{PATH}/{upload_id}")


def _model_file(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """The same bytes, once the first of them are known to be a model file's."""
    iterator = iter(chunks)
    first = next(iterator, b"")
    if not first.startswith(MAGIC):
        raise NotAModelFile(_("This is not a GGUF file. Models come as files whose names end in .gguf."))

    def rest() -> Iterable[bytes]:
        yield first
        yield from iterator

    return rest()


def _is_upload(entry: Any) -> bool:
    return isinstance(entry, dict) and re.fullmatch(r"[\w-]{1,64}", str(entry.get("id")), re.ASCII) is not None


def _answered(answer: Any) -> Upload:
    if not _is_upload(answer):
        raise failure_from_code("stream_broken", "", "")
    return _upload(answer)


def _upload(entry: dict[str, Any]) -> Upload:
    size, offset = entry.get("size"), entry.get("offset")
    return Upload(
        id=entry["id"],
        name=plain_text(entry.get("name"))[:255],
        size=max(1, size) if isinstance(size, int) else 1,
        offset=max(0, offset) if isinstance(offset, int) else 0,
        digest=plain_text(entry.get("digest"))[:80],
    )
