import asyncio
import random

import pytest

from inference.api.tokenization_turns import TokenizationTurns
from inference.errors import QueueFull
from tests.inference.scheduler.fake_runner import until


class Asker:
    """Takes a turn and keeps it until it is told to go."""

    def __init__(self, turns: TokenizationTurns, model: str, client: str, order: list["Asker"]) -> None:
        self.model, self.client = model, client
        self.go = asyncio.Event()
        self.order = order
        self.task = asyncio.create_task(self._run(turns))

    async def _run(self, turns: TokenizationTurns) -> None:
        async with turns.take(self.model, self.client):
            self.order.append(self)
            await self.go.wait()


def make(max_waiting: int = 100) -> TokenizationTurns:
    return TokenizationTurns(lambda num_waiting: num_waiting < max_waiting)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_model_that_keeps_its_askers_waiting_holds_up_no_other() -> None:
    turns, order = make(), list[Asker]()
    waiting = [Asker(turns, "loading", "a", order) for _ in range(3)]
    await settle()
    other = Asker(turns, "loaded", "a", order)
    await settle()

    assert order == [*waiting[:2], other]
    for asker in (*waiting, other):
        asker.go.set()
    await asyncio.gather(*(asker.task for asker in (*waiting, other)))


async def test_one_of_many_requests_is_not_behind_all_of_somebody_elses() -> None:
    turns, order = make(), list[Asker]()
    many = [Asker(turns, "m", "a", order) for _ in range(20)]
    await settle()
    one = Asker(turns, "m", "b", order)
    await settle()

    for asker in many[:2]:
        asker.go.set()
    await until(lambda: len(order) == 4)

    assert one in order
    for asker in (*many, one):
        asker.go.set()
    await asyncio.gather(*(asker.task for asker in (*many, one)))
    assert turns.num_waiting == 0


async def test_more_than_may_wait_are_refused() -> None:
    turns, order = make(3), list[Asker]()
    askers = [Asker(turns, "m", "a", order) for _ in range(5)]
    await settle()

    with pytest.raises(QueueFull, match="maximum pending requests exceeded"):
        async with turns.take("m", "b"):
            pass
    async with turns.take("another", "b"):
        pass
    for asker in askers:
        asker.go.set()
    await asyncio.gather(*(asker.task for asker in askers))


async def test_turns_are_lost_by_nobody_whoever_goes_away() -> None:
    drawn = random.Random(7)
    for _ in range(60):
        turns, order = make(), list[Asker]()
        askers = [Asker(turns, drawn.choice("mn"), drawn.choice("abc"), order) for _ in range(12)]
        for asker in drawn.sample(askers, 12):
            if drawn.random() < 0.4:
                asker.task.cancel()
            if drawn.random() < 0.6:
                asker.go.set()
            for _ in range(drawn.randrange(3)):
                await asyncio.sleep(0)
        for asker in askers:
            asker.go.set()
        results = await asyncio.wait_for(asyncio.gather(*(asker.task for asker in askers), return_exceptions=True), 10)

        assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
        assert turns.num_waiting == 0 and turns._lines == {}
