"""How often and how long a registry that fails is tried again."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar

import httpx

from inference.errors import RegistryError

T = TypeVar("T")

_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
#: Failures of a server that stay.
_LASTING = {HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED}


class PassingFailure(Exception):
    """What may be over in a moment; `retry_after` in seconds where the registry says so. The text is part of a sentence."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds. The wait doubles with every failure in a row; what a registry asks for with Retry-After is honoured."""

    tries: int = 8
    first_wait: float = 1.0
    longest_wait: float = 30.0
    longest_retry_after: float = 300.0
    #: Without one byte for so long, a connection is given up.
    stall: float = 30.0
    connect: float = 15.0

    def wait_after(self, failures: int, retry_after: float | None) -> float:
        if retry_after is not None:
            return min(max(retry_after, 0.0), self.longest_retry_after)
        wait = min(self.first_wait * 2.0 ** (failures - 1), self.longest_wait)
        # Parts that failed together do not come back together.
        return wait * random.uniform(0.75, 1.0)  # noqa: S311

    async def retry(self, action: Callable[[], Awaitable[T]], tries: int | None = None) -> T:
        """Raises `RegistryError` with the last reason when every try failed in passing; other errors at once."""
        most = min(tries or self.tries, self.tries)
        for failures in range(1, most + 1):
            try:
                return await action()
            except PassingFailure as failure:
                if failures == most:
                    raise RegistryError(f"max retries exceeded: {failure}") from None
                await asyncio.sleep(self.wait_after(failures, failure.retry_after))
        raise AssertionError("unreachable")


def failure_of(response: httpx.Response) -> PassingFailure | None:
    """The failure that a status tells of, if it is one that may pass."""
    status = response.status_code
    if status not in _PASSING and (status < HTTPStatus.INTERNAL_SERVER_ERROR or status in _LASTING):
        return None
    # Those of content delivery networks, such as 522, have no name of their own.
    text = f"the registry answers {status} {httpx.codes.get_reason_phrase(status)}".rstrip()
    return PassingFailure(text, _seconds(response.headers.get("retry-after", "")))


def describe(error: httpx.HTTPError) -> str:
    """What went wrong on the way, as part of a sentence."""
    if isinstance(error, httpx.TimeoutException):
        return "the registry does not answer in time"
    if isinstance(error, httpx.ConnectError):
        return f"the registry cannot be reached ({error})" if str(error) else "the registry cannot be reached"
    return "the connection to the registry was lost"


def _seconds(value: str) -> float | None:
    """Of a Retry-After header: seconds or a date (RFC 9110, 10.2.3)."""
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
