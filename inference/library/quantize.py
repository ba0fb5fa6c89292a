"""Writes the weights of a model file in another type, through llama.cpp's quantiser, in a process of its own."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from pathlib import Path

from inference.child import ChildFailed, answers_of
from inference.errors import InvalidRequest
from inference.library.atomic import sync_folder
from inference.library.errors import LibraryError
from inference.library.gguf import GGUFMetadata, read_metadata
from inference.library.progress import Progress

#: By Ollama's names: numbers of llama.cpp's enum llama_ftype. The "IQ" types are those that need no importance matrix.
KINDS = {
    "F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 7, "Q5_0": 8, "Q5_1": 9, "Q2_K": 10, "Q3_K_S": 11, "Q3_K_M": 12,
    "Q3_K_L": 13, "Q4_K_S": 14, "Q4_K_M": 15, "Q5_K_S": 16, "Q5_K_M": 17, "Q6_K": 18, "Q2_K_S": 21, "IQ4_NL": 25,
    "IQ4_XS": 30, "BF16": 32,
}  # fmt: skip
_SHORT = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}
#: What weights can be quantised from without having lost something before.
_FULL = ("F32", "F16", "BF16")
_MODULE = "inference.runner.llama.quantize"
#: What Ollama writes in place of a digest that is not known yet.
_DIGEST = "0000000000000000000"


def parse_kind(text: str) -> str:
    """ "q4_k" is "Q4_K_M". Raises `InvalidRequest` naming what there is."""
    kind = text.strip().upper()
    kind = _SHORT.get(kind, kind)
    if kind not in KINDS:
        raise InvalidRequest(f'unsupported quantization type "{text[:40]}": use one of {", ".join(KINDS)}')
    return kind


def check_source(metadata: GGUFMetadata) -> None:
    """Ollama's rule for `create --quantize`. Raises `InvalidRequest`. Of a file that does not say what it holds, llama.cpp
    refuses what is quantised."""
    if metadata.file_type not in (*_FULL, "unknown"):
        raise InvalidRequest(
            f"quantization is only supported for F16, BF16 and F32 models, and this one is {metadata.file_type} already"
        )


async def quantize(source: Path, destination: Path, kind: str, *, allow_requantize: bool = False) -> AsyncGenerator[Progress]:
    """`destination` appears whole or not at all; `source` stays. Of a split model, `source` is its first file.

    `total` and `completed` count bytes of the source's weights. Closing the iterator, or cancelling its reader, ends the
    work. With `allow_requantize`, weights that are quantised are taken too; they do not get better by it. Raises
    `InvalidRequest` for an unknown `kind` or a source that may not be quantised, and `LibraryError`.
    """
    kind = parse_kind(kind)
    metadata = await asyncio.to_thread(read_metadata, source)
    if not allow_requantize:
        check_source(metadata)
    temporary = destination.with_name(f".new-{os.urandom(8).hex()}")
    request = _request(source, temporary, kind, allow_requantize)
    total = max(metadata.tensor_bytes, 1)
    status = f"quantizing {metadata.file_type} model to {kind}"
    try:
        await asyncio.to_thread(temporary.parent.mkdir, parents=True, exist_ok=True)
        yield Progress(status=status, digest=_DIGEST, total=total)
        async with aclosing(_run(request, metadata.num_parameters)) as fractions:
            async for fraction in fractions:
                yield Progress(status=status, digest=_DIGEST, total=total, completed=int(total * fraction))
        await asyncio.to_thread(_put_in_place, temporary, destination)
        yield Progress(status=status, digest=_DIGEST, total=total, completed=total)
    except OSError as error:
        raise LibraryError(f"the quantised model cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _request(source: Path, destination: Path, kind: str, allow_requantize: bool) -> dict[str, object]:
    """The process runs in another working directory."""
    return {
        "source": str(source.absolute()),
        "destination": str(destination.absolute()),
        "file_type": KINDS[kind],
        "allow_requantize": allow_requantize,
    }


async def _run(request: dict[str, object], num_elements: int) -> AsyncGenerator[float]:
    """What is done, from 0 to 1; ends when all is. Raises `LibraryError`."""
    is_done = False
    try:
        async with aclosing(answers_of(_MODULE, request)) as answers:
            async for answer in answers:
                if "error" in answer:
                    raise LibraryError(f"the model cannot be quantised: {answer['error']}")
                is_done = "done" in answer
                if "elements" in answer:
                    yield min(answer["elements"] / max(num_elements, 1), 1.0)
    except ChildFailed as error:
        raise LibraryError(f"the model cannot be quantised: {error}") from None
    if not is_done:
        raise LibraryError("the model cannot be quantised: the quantiser ended too early")


def _put_in_place(temporary: Path, destination: Path) -> None:
    """Raises `OSError`, or `LibraryError` when what was written is not whole."""
    if read_metadata(temporary).missing_bytes:
        raise LibraryError("the quantised model was not written to its end")
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(destination)
    sync_folder(destination.parent)
