"""What is answered here and not by the runtime, in the shape that the protocol of the path has for errors."""

from collections.abc import Sequence
from http import HTTPStatus

from inference.api.error_shapes import encode_error
from inference.errors import EngineError, InferenceError, InvalidRequest, ModelNotFound, PayloadTooLarge, RequestRejected
from webui.services.runtime_status import read_runtime_status

Headers = list[tuple[bytes, bytes]]

JSON_TYPE = b"application/json; charset=utf-8"
#: Seconds after which a client may try again while the runtime is away.
RETRY_AFTER_S = 5


class KeyMissing(RequestRejected):
    code = "invalid_api_key"


class KeyAmbiguous(RequestRejected):
    code = "ambiguous_api_key"


class KeyNotForThis(RequestRejected):
    code = "insufficient_scope"


class TooManyFailures(RequestRejected):
    code = "rate_limited"


class RuntimeAway(EngineError):
    code = "engine_unavailable"


class RuntimeBroken(EngineError):
    code = "stream_broken"


class Refusal(Exception):
    """The answer: an error with its status, and headers of its own."""

    def __init__(self, error: InferenceError, status: HTTPStatus, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        super().__init__(str(error))
        self.error = error
        self.status = status
        self.headers = list(headers)

    def answer(self, path: str) -> tuple[bytes, bytes]:
        """Content type and body."""
        return JSON_TYPE, encode_error(self.error, self.status, path)


class RouterRefusal(Refusal):
    """What Ollama's router answers by itself is plain text, below `/v1/` in the shape of the protocol."""

    def answer(self, path: str) -> tuple[bytes, bytes]:
        return super().answer(path) if path.startswith("/v1/") else (b"text/plain; charset=utf-8", str(self.error).encode())


def no_key() -> Refusal:
    sentence = "An API key is needed: send it as Authorization: Bearer. Keys are made on the account page of this site."
    return Refusal(KeyMissing(sentence), HTTPStatus.UNAUTHORIZED, [(b"www-authenticate", b'Bearer realm="Hearth"')])


def ambiguous_key() -> Refusal:
    sentence = "The request brings more than one API key: send one, in Authorization: Bearer or in x-api-key."
    challenge = b'Bearer realm="Hearth", error="invalid_request"'
    return Refusal(KeyAmbiguous(sentence), HTTPStatus.BAD_REQUEST, [(b"www-authenticate", challenge)])


def wrong_key() -> Refusal:
    sentence = "This API key does not open anything: it is unknown, has expired or was revoked."
    challenge = b'Bearer realm="Hearth", error="invalid_token"'
    return Refusal(KeyMissing(sentence), HTTPStatus.UNAUTHORIZED, [(b"www-authenticate", challenge)])


def key_ended() -> Refusal:
    """To whom is being answered, or still sends."""
    sentence = "The request was ended: its API key was revoked, has expired, or is no longer for this."
    challenge = b'Bearer realm="Hearth", error="invalid_token"'
    return Refusal(KeyMissing(sentence), HTTPStatus.UNAUTHORIZED, [(b"www-authenticate", challenge)])


def too_many_failures(seconds: int) -> Refusal:
    error = TooManyFailures(f"Too many wrong API keys came from this address. Try again in {seconds} s.")
    return Refusal(error, HTTPStatus.TOO_MANY_REQUESTS, [(b"retry-after", str(seconds).encode())])


def wrong_scope(scope: str) -> Refusal:
    challenge = f'Bearer realm="Hearth", error="insufficient_scope", scope="{scope}"'.encode()
    sentence = f"This API key is not for that: it lacks the scope “{scope}”."
    return Refusal(KeyNotForThis(sentence), HTTPStatus.FORBIDDEN, [(b"www-authenticate", challenge)])


def unknown_path() -> Refusal:
    return RouterRefusal(InvalidRequest("404 page not found"), HTTPStatus.NOT_FOUND)


def wrong_method(allowed: set[str]) -> Refusal:
    headers = [(b"allow", ", ".join(sorted(allowed)).encode())]
    return RouterRefusal(InvalidRequest("405 method not allowed"), HTTPStatus.METHOD_NOT_ALLOWED, headers)


def unknown_model(name: str, path: str) -> Refusal:
    """As the runtime says of a model that is not installed: nobody learns which models others have."""
    if path == "/api/embeddings":
        error = ModelNotFound(f'model "{name}" not found, try pulling it first')
    else:
        error = ModelNotFound(f"model '{name}' not found")
    return Refusal(error, HTTPStatus.NOT_FOUND)


def unreadable(error: InferenceError) -> Refusal:
    return Refusal(error, HTTPStatus.BAD_REQUEST)


def too_large(error: PayloadTooLarge) -> Refusal:
    return Refusal(error, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def runtime_away() -> Refusal:
    """Nothing answers at the runtime's address."""
    status = read_runtime_status()
    sentences = {
        "starting": "The model runtime is starting. Try again in a moment.",
        "restarting": "The model runtime is restarting. Try again in a moment.",
        "failed": "The model runtime could not start. The page of the site says why.",
    }
    error = RuntimeAway(sentences.get(status.state, "The model runtime does not answer."))
    return Refusal(error, HTTPStatus.SERVICE_UNAVAILABLE, [(b"retry-after", str(RETRY_AFTER_S).encode())])


def runtime_broken() -> Refusal:
    """It answered, but not to the end."""
    return Refusal(RuntimeBroken("The connection to the model runtime was lost."), HTTPStatus.BAD_GATEWAY)


def stopping() -> Refusal:
    """To whom is being answered while this process ends."""
    error = RuntimeAway("Hearth is stopping or starting anew; the request was ended. Try again in a moment.")
    return Refusal(error, HTTPStatus.SERVICE_UNAVAILABLE, [(b"retry-after", str(RETRY_AFTER_S).encode())])


def unexpected() -> Refusal:
    sentence = "Something went wrong inside Hearth; its log says what."
    return Refusal(InferenceError(sentence), HTTPStatus.INTERNAL_SERVER_ERROR)
