"""What was asked with API keys: requests and tokens, by key and day.

Counts are gathered in memory and written together, one short transaction every two seconds while there are any: a process that
is killed loses no more than that. Nothing is written per token, and nothing on the event loop.
"""

import asyncio
import atexit
import logging
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from webui.models import ApiKey, ApiKeyUsage
from webui.services.event_loop import submit
from webui.services.generation.rows import in_writer

logger = logging.getLogger(__name__)
SECONDS_BETWEEN_WRITES = 2.0
#: `last_used_at` is written at most once in this time.
LAST_USED_PRECISION = timedelta(minutes=1)
#: More tokens than any one request can have.
MOST_TOKENS = 10**9


@dataclass
class Counts:
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def add(self, other: "Counts") -> None:
        self.requests += other.requests
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens


class Gathered:
    """Counts that are not written yet, and the task that will write them. Used from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: dict[tuple[UUID, date], Counts] = {}
        self._writer: Future[None] | None = None

    def add(self, key_id: UUID, day: date, counts: Counts) -> None:
        with self._lock:
            self._counts.setdefault((key_id, day), Counts()).add(counts)

    def take(self) -> dict[tuple[UUID, date], Counts]:
        """All of it, which then is the caller's to write."""
        with self._lock:
            taken, self._counts, self._writer = self._counts, {}, None
            return taken

    def has_writer(self) -> bool:
        """Finds one where there is none yet; False where there is no event loop for it."""
        with self._lock:
            if self._writer is None or self._writer.done():
                self._writer = submit(_write_soon)
            return self._writer is not None


_gathered = Gathered()


def record_usage(key_id: UUID, *, requests: int = 1, prompt_tokens: int = 0, completion_tokens: int = 0) -> None:
    """Counts a request that a key opened, once it is over; from any thread.

    In the web process it only adds to what is gathered, so that it may be called on the event loop.
    """
    counts = Counts(requests, _bounded(prompt_tokens), _bounded(completion_tokens))
    _gathered.add(key_id, timezone.localdate(), counts)
    if not _gathered.has_writer():
        write_usage()


def write_usage() -> None:
    """Writes what has been gathered, in one transaction. What the database does not take now is kept for the next time."""
    taken = _gathered.take()
    if not taken:
        return
    try:
        with transaction.atomic():
            _write(taken)
    except DatabaseError:
        logger.exception("Usage of API keys could not be written; it is tried again with the next request")
        for (key_id, day), counts in taken.items():
            _gathered.add(key_id, day, counts)


def usage_by_day(key: ApiKey, *, days: int) -> list[ApiKeyUsage]:
    """One entry for each of the last `days` days, today last; empty ones, which are not stored, for days without a request."""
    today = timezone.localdate()
    first = today - timedelta(days=days - 1)
    stored = {usage.day: usage for usage in ApiKeyUsage.objects.filter(key=key, day__gte=first)}
    every_day = (first + timedelta(days=number) for number in range(days))
    return [stored.get(day) or ApiKeyUsage(key=key, day=day) for day in every_day]


def _bounded(tokens: int) -> int:
    """A runtime behind `HEARTH_INFERENCE_URL` may say anything; what it says has to fit into the database."""
    return min(max(tokens, 0), MOST_TOKENS)


def with_recent_usage(keys: QuerySet[ApiKey], *, days: int) -> QuerySet[ApiKey]:
    """The keys, the newest first, each with `recent_requests` and `recent_tokens`: those of the last `days` days, None where
    there are none."""
    recent = Q(usage__day__gt=timezone.localdate() - timedelta(days=days))
    tokens = F("usage__prompt_tokens") + F("usage__completion_tokens")
    summed = keys.annotate(recent_requests=Sum("usage__requests", filter=recent), recent_tokens=Sum(tokens, filter=recent))
    # Django leaves the model's own order out where rows are summed.
    return summed.order_by("-created_at", "-id")


async def _write_soon() -> None:
    await asyncio.sleep(SECONDS_BETWEEN_WRITES)
    await in_writer(write_usage)


def _write(taken: dict[tuple[UUID, date], Counts]) -> None:
    """Keys that have been deleted meanwhile are passed over; the others are locked in one order, so that no two writers wait
    for one another."""
    wanted = {key_id for key_id, _day in taken}
    there = set(ApiKey.objects.select_for_update().filter(pk__in=wanted).order_by("pk").values_list("pk", flat=True))
    kept = [(key_id, day, counts) for (key_id, day), counts in taken.items() if key_id in there]
    rows = [ApiKeyUsage(key_id=key_id, day=day) for key_id, day, _counts in kept]
    ApiKeyUsage.objects.bulk_create(rows, ignore_conflicts=True)
    for key_id, day, counts in kept:
        ApiKeyUsage.objects.filter(key_id=key_id, day=day).update(
            requests=F("requests") + counts.requests,
            prompt_tokens=F("prompt_tokens") + counts.prompt_tokens,
            completion_tokens=F("completion_tokens") + counts.completion_tokens,
        )
    _touch(there, timezone.now())


def _touch(key_ids: Iterable[UUID], now: datetime) -> None:
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - LAST_USED_PRECISION)
    ApiKey.objects.filter(stale, pk__in=key_ids).update(last_used_at=now)


@atexit.register
def _write_at_exit() -> None:
    with suppress(Exception):
        write_usage()
