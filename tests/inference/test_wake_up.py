import asyncio

import pytest

from inference.wake_up import WakeUp


async def test_reader_goes_on_when_it_is_set_and_at_once_when_it_was() -> None:
    wake_up = WakeUp()
    reader = asyncio.create_task(wake_up.wait())
    await asyncio.sleep(0)
    assert not reader.done()

    wake_up.set()
    wake_up.set()
    await reader
    await wake_up.wait()

    wake_up.clear()
    reader = asyncio.create_task(wake_up.wait())
    await asyncio.sleep(0)
    assert not reader.done()
    wake_up.set()
    await reader


async def test_next_reader_is_woken_though_the_last_was_cancelled() -> None:
    wake_up = WakeUp()
    first = asyncio.create_task(wake_up.wait())
    await asyncio.sleep(0)
    first.cancel()
    second = asyncio.create_task(wake_up.wait())
    await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await first

    wake_up.set()

    await second
