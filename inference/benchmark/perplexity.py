"""How well a model file foretells the texts that ship with Hearth: one figure for what a change of its weights has cost."""

import functools
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import msgspec

from inference.child import ChildFailed, answers_of
from inference.errors import ModelLoadFailed
from inference.library.progress import Progress

_FOLDER = Path(__file__).parent / "texts"
_MODULE = "inference.runner.llama.perplexity"


class Perplexity(msgspec.Struct, frozen=True, kw_only=True):
    """1 is certain of every token; a model that knows nothing has as much as there are tokens in its vocabulary. To be
    compared between models of one vocabulary only."""

    perplexity: float
    #: That were foretold.
    tokens: int


@functools.cache
def texts() -> tuple[str, ...]:
    """In English and Chinese, written for this."""
    return tuple(path.read_text() for path in sorted(_FOLDER.glob("*.txt")))


async def measure_perplexity(path: Path, name: str) -> AsyncGenerator[Progress | Perplexity]:
    """What is being done, and at last the result. Raises `ModelLoadFailed`. Closing it ends the process that computes."""
    status = f"reading test texts with {name}"
    try:
        yield Progress(status=status)
        async with aclosing(answers_of(_MODULE, {"model_path": str(path), "texts": texts()})) as answers:
            async for answer in answers:
                if "error" in answer:
                    raise ModelLoadFailed(f"The quality of {name} cannot be measured: {answer['error']}.")
                if "perplexity" in answer:
                    yield msgspec.convert(answer, Perplexity)
    except ChildFailed as error:
        raise ModelLoadFailed(f"The quality of {name} cannot be measured: {error}.") from None
