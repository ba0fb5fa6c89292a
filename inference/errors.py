"""Everything the runtime can fail with, as one tree. `code` crosses process borders; the text is a sentence for a person.

    InferenceError
    ├── RequestRejected            the request itself is at fault
    │   ├── ModelNotFound
    │   │   └── ModelDamaged
    │   ├── InvalidRequest
    │   │   └── LoginRefused       a registry does not know who is to be kept for it
    │   ├── ContextLengthExceeded
    │   ├── PayloadTooLarge
    │   ├── UnsupportedEncoding
    │   ├── RequestTimeout
    │   ├── ModelTooLarge
    │   ├── QueueFull
    │   ├── ReaderTooSlow
    │   └── NoCloud                asked for something of ollama.com
    │       └── NotSignedIn
    └── EngineError                the machine or the model file is at fault
        ├── ModelLoadFailed
        │   └── LoadLacksMemory    the same to everybody but the scheduler
        ├── NotEnoughMemory
        ├── RunnerCrashed
        ├── LibraryFailed
        ├── NotEnoughDisk
        ├── RegistryError          a registry cannot be reached, refuses, or does not send what it promised
        │   ├── NotInRegistry
        │   ├── RegistryRefused
        │   └── DigestMismatch
        └── RuntimeShuttingDown

HTTP status codes are given in one place, `inference.api.errors`.
"""

from typing import ClassVar


class InferenceError(Exception):
    code: ClassVar[str] = "internal"


class RequestRejected(InferenceError):
    code = "rejected"


class InvalidRequest(RequestRejected):
    """`param` is the path of the field at fault, where there is one: `messages[0].content`."""

    code = "invalid_request"

    def __init__(self, message: str = "", param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class ModelNotFound(RequestRejected):
    code = "model_not_found"


class ModelDamaged(ModelNotFound):
    """It is in the library, but not in a state to be used."""

    code = "model_damaged"


class LoginRefused(InvalidRequest):
    """The registry does not accept the user name and password that are to be kept for it."""

    code = "login_refused"


class ContextLengthExceeded(RequestRejected):
    code = "context_length_exceeded"


class PayloadTooLarge(RequestRejected):
    code = "payload_too_large"


class UnsupportedEncoding(RequestRejected):
    """The body is compressed in a way that cannot be read."""

    code = "unsupported_encoding"


class RequestTimeout(RequestRejected):
    code = "request_timeout"


class QueueFull(RequestRejected):
    code = "queue_full"


class ReaderTooSlow(RequestRejected):
    """The client does not take what it asked for."""

    code = "reader_too_slow"


class NoCloud(RequestRejected):
    """What is asked for is a service of ollama.com, which Hearth does not use."""

    code = "no_cloud"


class NotSignedIn(NoCloud):
    """It needs an account there."""

    code = "not_signed_in"


class ModelTooLarge(RequestRejected):
    """More than this machine has, whatever else it does."""

    code = "model_too_large"


class EngineError(InferenceError):
    code = "engine_error"


class ModelLoadFailed(EngineError):
    code = "model_load_failed"


class LoadLacksMemory(ModelLoadFailed):
    """Memory was refused while the model was being loaded, or so it looks: with fewer layers on GPUs it may be enough."""


class NotEnoughMemory(EngineError):
    """The machine has it, but something else holds it now."""

    code = "not_enough_memory"


class RunnerCrashed(EngineError):
    code = "runner_crashed"


class LibraryFailed(EngineError):
    """The models folder cannot be read or written, or the disk is full."""

    code = "library_failed"


class NotEnoughDisk(EngineError):
    code = "not_enough_disk"


class RegistryError(EngineError):
    code = "registry_error"


class NotInRegistry(RegistryError):
    code = "not_in_registry"


class RegistryRefused(RegistryError):
    """Who asks is not known there, or may not have it."""

    code = "registry_refused"


class DigestMismatch(RegistryError):
    """What came is not what its name promises; it has been thrown away."""

    code = "digest_mismatch"


class RuntimeShuttingDown(EngineError):
    code = "shutting_down"


_BY_CODE: dict[str, type[InferenceError]] = {
    error.code: error
    for error in (
        InferenceError,
        RequestRejected,
        InvalidRequest,
        LoginRefused,
        ModelNotFound,
        ModelDamaged,
        ContextLengthExceeded,
        PayloadTooLarge,
        UnsupportedEncoding,
        RequestTimeout,
        QueueFull,
        ModelTooLarge,
        ReaderTooSlow,
        NoCloud,
        NotSignedIn,
        EngineError,
        ModelLoadFailed,
        NotEnoughMemory,
        RunnerCrashed,
        LibraryFailed,
        NotEnoughDisk,
        RegistryError,
        NotInRegistry,
        RegistryRefused,
        DigestMismatch,
        RuntimeShuttingDown,
    )
}


def error_from_code(code: str, message: str) -> InferenceError:
    """The exception for a `code` that crossed a process border; an unknown code is an `InferenceError`."""
    return _BY_CODE.get(code, InferenceError)(message)
