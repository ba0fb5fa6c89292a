"""Converts a safetensors model in a process of its own."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path

from inference.child import ChildFailed, answers_of
from inference.errors import InvalidRequest
from inference.library.progress import Progress

_MODULE = "inference.conversion"
#: As Ollama calls it.
STATUS = "converting model"


async def convert(files: Mapping[str, Path], destination: Path) -> AsyncGenerator[Progress, None]:
    """`files` and `destination` are absolute; `files` by the names Hugging Face gives them.

    Closing the iterator ends the work; what was written so far stays and is the caller's to remove. Raises `InvalidRequest`,
    for what is wrong with the model mostly before the first step.
    """
    request = {"files": {name: str(path) for name, path in files.items()}, "destination": str(destination)}
    is_done = False
    try:
        async with aclosing(answers_of(_MODULE, request)) as answers:
            async for answer in answers:
                if "error" in answer:
                    raise InvalidRequest(f"the model cannot be converted: {answer['error']}")
                is_done = "done" in answer
                if "completed" in answer:
                    yield Progress(status=STATUS, total=answer["total"], completed=answer["completed"])
    except ChildFailed as error:
        raise InvalidRequest(f"the model cannot be converted: {error}") from None
    if not is_done:
        raise InvalidRequest("the model cannot be converted: the converter ended too early")
