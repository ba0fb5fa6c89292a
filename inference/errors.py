"""Everything the runtime can fail with, as one tree. `code` crosses process borders; the text is a sentence for a person.

    InferenceError
    ├── RequestRejected            the request itself is at fault
    │   ├── ModelNotFound
    │   ├── InvalidRequest
    │   ├── ContextLengthExceeded
    │   ├── PayloadTooLarge
    │   ├── RequestTimeout
    │   ├── ModelTooLarge
    │   └── QueueFull
    └── EngineError                the machine or the model file is at fault
        ├── ModelLoadFailed
        ├── NotEnoughMemory
        ├── RunnerCrashed
        ├── LibraryFailed
        └── RuntimeShuttingDown

HTTP status codes are given in one place, `inference.api.errors`.
"""

from typing import ClassVar


class InferenceError(Exception):
    code: ClassVar[str] = "internal"


class RequestRejected(InferenceError):
    code = "rejected"


class InvalidRequest(RequestRejected):
    code = "invalid_request"


class ModelNotFound(RequestRejected):
    code = "model_not_found"


class ContextLengthExceeded(RequestRejected):
    code = "context_length_exceeded"


class PayloadTooLarge(RequestRejected):
    code = "payload_too_large"


class RequestTimeout(RequestRejected):
    code = "request_timeout"


class QueueFull(RequestRejected):
    code = "queue_full"


class ModelTooLarge(RequestRejected):
    """More than this machine has, whatever else it does."""

    code = "model_too_large"


class EngineError(InferenceError):
    code = "engine_error"


class ModelLoadFailed(EngineError):
    code = "model_load_failed"


class NotEnoughMemory(EngineError):
    """The machine has it, but something else holds it now."""

    code = "not_enough_memory"


class RunnerCrashed(EngineError):
    code = "runner_crashed"


class LibraryFailed(EngineError):
    """The models folder cannot be read or written, or the disk is full."""

    code = "library_failed"


class RuntimeShuttingDown(EngineError):
    code = "shutting_down"


_BY_CODE: dict[str, type[InferenceError]] = {
    error.code: error
    for error in (
        InferenceError,
        RequestRejected,
        InvalidRequest,
        ModelNotFound,
        ContextLengthExceeded,
        PayloadTooLarge,
        RequestTimeout,
        QueueFull,
        ModelTooLarge,
        EngineError,
        ModelLoadFailed,
        NotEnoughMemory,
        RunnerCrashed,
        LibraryFailed,
        RuntimeShuttingDown,
    )
}


def error_from_code(code: str, message: str) -> InferenceError:
    """The exception for a `code` that crossed a process border; an unknown code is an `InferenceError`."""
    return _BY_CODE.get(code, InferenceError)(message)
