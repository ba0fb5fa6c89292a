"""What is recorded of requests that API keys opened."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import DatabaseError
from django.utils import timezone

from tests.factories import make_api_key
from webui.models import ApiKey, ApiKeyUsage
from webui.services import api_key_usage, event_loop
from webui.services.api_key_usage import MOST_TOKENS, record_usage, usage_by_day, write_usage

Counts = list[tuple[int, int, int]]


@pytest.fixture(autouse=True)
def _nothing_left_over(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(event_loop, "_loop", None)
    monkeypatch.setattr(api_key_usage, "SECONDS_BETWEEN_WRITES", 0.01)
    api_key_usage._gathered.take()
    yield
    api_key_usage._gathered.take()


def counts(key: ApiKey) -> Counts:
    return list(ApiKeyUsage.objects.filter(key=key).values_list("requests", "prompt_tokens", "completion_tokens"))


@pytest.mark.django_db
def test_usage_adds_up_by_key_and_day() -> None:
    (key, _), (other, _) = make_api_key(), make_api_key()

    record_usage(key.pk, prompt_tokens=100, completion_tokens=20)
    record_usage(key.pk, prompt_tokens=1, completion_tokens=2)
    record_usage(key.pk)
    record_usage(other.pk, completion_tokens=7)

    assert counts(key) == [(3, 101, 22)]
    assert counts(other) == [(1, 0, 7)]
    assert ApiKeyUsage.objects.get(key=key).day == timezone.localdate()


@pytest.mark.django_db
def test_last_use_is_written_at_most_once_a_minute() -> None:
    now = timezone.now()
    used_long_ago, _ = make_api_key(last_used_at=now - timedelta(seconds=61))
    just_used, _ = make_api_key(last_used_at=now - timedelta(seconds=50))
    never_used, _ = make_api_key()
    untouched, _ = make_api_key()

    for key in (used_long_ago, just_used, never_used):
        record_usage(key.pk)

    stored = {key.pk: key.last_used_at for key in ApiKey.objects.all()}
    assert stored[used_long_ago.pk] >= now
    assert stored[just_used.pk] == just_used.last_used_at
    assert stored[never_used.pk] >= now
    assert stored[untouched.pk] is None


@pytest.mark.django_db
@pytest.mark.parametrize(("said", "kept"), [(-5, 0), (10**30, MOST_TOKENS)])
def test_impossible_counts_are_bounded(said: int, kept: int) -> None:
    key, _ = make_api_key()

    record_usage(key.pk, prompt_tokens=said, completion_tokens=said)

    assert counts(key) == [(1, kept, kept)]


@pytest.mark.django_db
def test_usage_of_a_key_that_is_gone_is_passed_over() -> None:
    (gone, _), (key, _) = make_api_key(), make_api_key()
    api_key_usage._gathered.add(gone.pk, timezone.localdate(), api_key_usage.Counts(1))
    gone.delete()

    record_usage(key.pk)

    assert list(ApiKeyUsage.objects.values_list("key", "requests")) == [(key.pk, 1)]


@pytest.mark.django_db
def test_usage_by_day_has_an_entry_for_every_day() -> None:
    key, _ = make_api_key()
    today = timezone.localdate()
    for days_ago, requests in ((0, 1), (6, 2), (7, 4)):
        ApiKeyUsage.objects.create(key=key, day=today - timedelta(days=days_ago), requests=requests)

    shown = usage_by_day(key, days=7)

    assert [usage.requests for usage in shown] == [2, 0, 0, 0, 0, 0, 1]
    assert [usage.day for usage in shown] == [today - timedelta(days=days_ago) for days_ago in range(6, -1, -1)]


@pytest.mark.django_db
def test_usage_that_could_not_be_written_is_written_later(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    key, _ = make_api_key()
    write = api_key_usage._write

    def full(taken: Any) -> None:
        raise DatabaseError("database or disk is full")

    monkeypatch.setattr(api_key_usage, "_write", full)
    record_usage(key.pk, prompt_tokens=5)
    monkeypatch.setattr(api_key_usage, "_write", write)
    refused = counts(key)
    record_usage(key.pk, prompt_tokens=1)

    assert refused == []
    assert counts(key) == [(2, 6, 0)]
    assert "could not be written" in caplog.text


async def test_usage_on_the_event_loop_is_gathered_and_written_together(transactional_db: None) -> None:
    key, _ = await sync_to_async(make_api_key)()
    event_loop.bind(asyncio.get_running_loop())

    # On the loop's own thread, where Django refuses every query.
    for _ in range(50):
        record_usage(key.pk, prompt_tokens=2, completion_tokens=1)
    at_once = await sync_to_async(counts)(key)
    async with asyncio.timeout(10):
        while not (written := await sync_to_async(counts)(key)):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    record_usage(key.pk)
    async with asyncio.timeout(10):
        while await sync_to_async(counts)(key) == written:  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    assert at_once == []
    assert written == [(50, 100, 50)]
    assert await sync_to_async(counts)(key) == [(51, 100, 50)]


@pytest.mark.django_db
def test_writing_nothing_asks_nothing(django_assert_num_queries: Callable[[int], Any]) -> None:
    with django_assert_num_queries(0):
        write_usage()
