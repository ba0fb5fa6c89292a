import asyncio

import pytest

from inference.errors import RunnerCrashed
from inference.runner.mailbox import Mailbox
from inference.runner.messages import OutputDelta, PromptProgress, RequestFinished, RequestStats

END = RequestFinished(request_id="a", finish_reason="stop", stats=RequestStats())


async def test_mailbox_merges_what_was_not_read() -> None:
    mailbox = Mailbox()
    for num in (1, 2):
        mailbox.put(PromptProgress(request_id="a", num_computed_tokens=num, num_prompt_tokens=3))
    for text in "xyz":
        mailbox.put(OutputDelta("a", text, 1))
    mailbox.put(END)

    assert [await mailbox.get() for _ in range(3)] == [
        PromptProgress(request_id="a", num_computed_tokens=2, num_prompt_tokens=3),
        OutputDelta("a", "xyz", 3),
        END,
    ]


async def test_mailbox_failure_comes_after_what_was_received() -> None:
    mailbox = Mailbox()
    mailbox.put(OutputDelta("a", "x", 1))
    mailbox.fail(RunnerCrashed("gone"))

    assert await mailbox.get() == OutputDelta("a", "x", 1)
    with pytest.raises(RunnerCrashed, match="gone"):
        await mailbox.get()


async def test_mailbox_cancelled_reader_loses_nothing() -> None:
    mailbox = Mailbox()
    reader = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    mailbox.put(END)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader

    assert await mailbox.get() == END


async def test_mailbox_hands_output_on_at_once_but_not_past_what_is_unread() -> None:
    taken: list[OutputDelta] = []
    mailbox = Mailbox(taken.append)
    rendered = PromptProgress(request_id="a", num_computed_tokens=3, num_prompt_tokens=3)
    mailbox.put(OutputDelta("a", "x", 1))
    mailbox.put(rendered)
    mailbox.put(OutputDelta("a", "y", 1))
    assert taken == [OutputDelta("a", "x", 1)]

    assert [await mailbox.get(), await mailbox.get()] == [rendered, OutputDelta("a", "y", 1)]
    mailbox.put(OutputDelta("a", "z", 1))
    mailbox.put(END)

    assert taken[1:] == [OutputDelta("a", "z", 1)]
    assert await mailbox.get() == END
