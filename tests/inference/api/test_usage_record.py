"""What a request took can be asked about once it is over, whichever comes first, and nothing of it is kept for ever."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from inference.api.request_usage import RequestUsage, usage_of
from inference.api.usage_record import KEPT_S, MOST_KEPT, KeepUsage, UsageRecord
from inference.runner.messages import RequestStats
from inference.scheduler import RequestStream

ID = "0123456789abcdef" * 2
UNIX = ("/data/run/inference.sock", None)


def stream_of(usage: RequestUsage, prompt: int = 0) -> RequestStream:
    stream = RequestStream(lambda: None)
    usage.add(stream, prompt)
    return stream


def stats(prompt: int, completion: int) -> RequestStats:
    return RequestStats(num_prompt_tokens=prompt, num_completion_tokens=completion)


async def test_prompt_counts_once_however_many_choices_answer_it() -> None:
    usage = RequestUsage()
    for prompt in (0, 0, 1):
        stream_of(usage, prompt).settle(stats(10, 3))
    usage.close()

    assert usage.is_over and usage.counts() == {"prompt_tokens": 20, "completion_tokens": 9}


async def test_request_is_over_when_it_is_answered_and_nothing_is_computed() -> None:
    usage = RequestUsage()
    stream = stream_of(usage)
    usage.close()
    assert not usage.is_over

    stream.settle(stats(10, 3))

    assert usage.is_over


async def test_question_waits_for_the_end_and_is_answered_once() -> None:
    record = UsageRecord()
    usage = record.begin(ID)
    stream = stream_of(usage)
    question = asyncio.create_task(record.counts_of(ID))
    await asyncio.sleep(0)
    record.end(ID, usage)
    await asyncio.sleep(0)
    assert not question.done()

    stream.settle(stats(10, 3))

    assert await question == {"prompt_tokens": 10, "completion_tokens": 3}
    assert len(record) == 0
    assert await record.counts_of(ID, patience_s=0) is None


async def test_question_that_overtakes_its_request_is_answered() -> None:
    record = UsageRecord()
    question = asyncio.create_task(record.counts_of(ID, patience_s=60))
    await asyncio.sleep(0)
    usage = record.begin(ID)
    stream_of(usage).settle(stats(10, 3))
    record.end(ID, usage)

    assert await question == {"prompt_tokens": 10, "completion_tokens": 3}


@pytest.mark.parametrize("request_id", ["", "x" * 32, ID.upper(), ID + "0", ID + "\n"])
async def test_question_about_what_is_no_id_is_not_waited_for(request_id: str) -> None:
    assert await UsageRecord().counts_of(request_id, patience_s=60) is None


async def test_questions_leave_nothing_behind() -> None:
    record = UsageRecord()

    answers = await asyncio.gather(*(record.counts_of(f"{number:032x}", patience_s=0) for number in range(50)))

    assert answers == [None] * 50 and not record._awaited


async def test_oldest_are_forgotten_when_there_are_too_many_and_when_they_are_too_old() -> None:
    now = 0.0
    record = UsageRecord(lambda: now)
    open_one = record.begin(ID)
    for number in range(MOST_KEPT + 50):
        request_id = f"{number:032x}"
        record.end(request_id, record.begin(request_id))
    assert len(record) == MOST_KEPT + 1

    now = KEPT_S
    record.end("f" * 32, record.begin("f" * 32))
    assert len(record) == 2
    record.end(ID, open_one)
    assert await record.counts_of(ID) == {"prompt_tokens": 0, "completion_tokens": 0}


async def kept(*headers: tuple[bytes, bytes], server: Any = UNIX) -> RequestUsage | None:
    """The usage that the application finds for a request with these headers."""
    found: list[RequestUsage | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(usage_of(scope))
        raise ConnectionError

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        pass

    record = UsageRecord()
    scope: Scope = {"type": "http", "server": server, "headers": list(headers)}
    with pytest.raises(ConnectionError):
        await KeepUsage(app, record)(scope, receive, send)
    assert all(usage.is_over for usage in record._usages.values())
    return found[0]


async def test_only_the_web_process_names_requests() -> None:
    caller, name = (b"hearth-caller", b"user:7/key:12"), (b"hearth-request", ID.encode())

    assert await kept(caller, name) is not None
    assert await kept(caller, name, server=("127.0.0.1", 11434)) is None
    assert await kept(name) is None
    assert await kept(caller) is None
    assert await kept(caller, name, name) is None
    assert await kept(caller, (b"hearth-request", b"mine")) is None
