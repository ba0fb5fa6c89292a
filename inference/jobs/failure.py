"""Why a job failed, as a sentence for a person: no traceback, no path."""

import errno
import logging

from inference.errors import InferenceError, LibraryFailed
from inference.library.errors import LibraryError

_LONGEST = 600

logger = logging.getLogger(__name__)


def describe_failure(error: Exception, *, kind: str, model: str) -> tuple[str, str]:
    """The sentence and the code. A fault of ours goes to the log."""
    if isinstance(error, InferenceError | LibraryError):
        code = error.code if isinstance(error, InferenceError) else LibraryFailed.code
        return as_sentence(str(error)), code
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full.", LibraryFailed.code
    logger.error("The %s of %s failed.", kind, model, exc_info=error)
    return "Something went wrong inside Hearth; its log says what.", InferenceError.code


def as_sentence(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        return "It failed without saying why."
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return text[0].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")
