import pytest

from inference.runner.engine.request import Request
from inference.runner.engine.scheduler import Scheduler
from inference.runner.engine.slot import common_prefix
from inference.runner.messages import SamplingParams


def make_request(request_id: str, tokens: list[int]) -> Request:
    return Request(request_id, tokens, SamplingParams(), None, [], arrived_ns=0)


def make_scheduler(*caches: list[int], num_batch: int = 8) -> Scheduler:
    """Idle slots with these tokens in them, the first one used longest ago."""
    scheduler = Scheduler(num_slots=len(caches), num_batch=num_batch)
    for slot, cache in zip(scheduler.slots, caches, strict=True):
        slot.tokens, slot.last_used = list(cache), slot.seq_id - 100
    return scheduler


@pytest.mark.parametrize(
    ("caches", "prompt", "seq_id", "num_cached"),
    [
        ([[1, 2, 3], [1, 2, 9]], [1, 2, 9, 9], 1, 3),
        ([[5], [6]], [1, 2], 0, 0),
        ([[1, 2, 3], [1, 2, 3]], [1, 2, 3, 4], 0, 3),
        ([[1, 2, 3], [9]], [1, 2, 3], 0, 2),
        ([[4], [1, *[7] * 30]], [1, *[8] * 30], 0, 0),
    ],
    ids=["longest prefix", "nothing alike", "tie to the older", "last token again", "too little alike"],
)
def test_scheduler_admits_to_the_best_slot(caches: list[list[int]], prompt: list[int], seq_id: int, num_cached: int) -> None:
    scheduler = make_scheduler(*caches)
    scheduler.add(make_request("a", prompt))

    (admission,) = scheduler.admit()

    assert (admission.slot.seq_id, admission.num_cached_tokens) == (seq_id, num_cached)
    assert admission.slot.tokens == prompt[:num_cached]


def test_scheduler_plan_takes_generating_slots_first_then_oldest_prompt_in_the_order_of_places() -> None:
    scheduler = make_scheduler([], [], [], num_batch=8)
    for name, size in (("old", 6), ("young", 6), ("generating", 1)):
        scheduler.add(make_request(name, [ord(name[0])] * size))
    scheduler.admit()
    generating = scheduler.slots[2]
    generating.request.tokens.append(1)
    generating.tokens = [ord("g")]

    planned = scheduler.plan(8)

    assert [(slot.seq_id, chunk.position, len(chunk.tokens), chunk.wants_logits) for slot, chunk in planned] == [
        (0, 0, 6, True),
        (1, 0, 1, False),
        (2, 1, 1, True),
    ]


def test_scheduler_plan_reads_long_prompts_one_after_another_and_short_ones_together() -> None:
    scheduler = make_scheduler([], [], [], num_batch=200)
    for name, size in (("first", 20), ("second", 5), ("third", 150)):
        scheduler.add(make_request(name, [ord(name[0])] * size))
    scheduler.admit()

    assert [len(chunk.tokens) for _slot, chunk in scheduler.plan(200)] == [20, 5, 103]


def test_scheduler_plan_reads_one_long_prompt_alone() -> None:
    scheduler = make_scheduler([], [], num_batch=200)
    for token, size in ((1, 150), (2, 3)):
        scheduler.add(make_request(str(token), [token] * size))
    scheduler.admit()

    assert [(slot.seq_id, len(chunk.tokens)) for slot, chunk in scheduler.plan(200)] == [(0, 150)]


def test_scheduler_plan_keeps_to_the_prefill_budget() -> None:
    scheduler = make_scheduler([], num_batch=8)
    scheduler.add(make_request("a", [1] * 7))
    scheduler.admit()

    assert [len(chunk.tokens) for _slot, chunk in scheduler.plan(3)] == [3]
    assert [len(chunk.tokens) for _slot, chunk in scheduler.plan(0)] == [1]


@pytest.mark.parametrize("same", [0, 1, 255, 256, 257, 600])
def test_common_prefix_counts_equal_tokens(same: int) -> None:
    left = [*range(same), -1, 5, 6]
    right = [*range(same), -2, 5, 6]

    assert common_prefix(left, right) == same
    assert common_prefix(left, left[: same + 1]) == same + 1
    assert {common_prefix(left, right, start) for start in range(0, same + 1, 50)} == {same}
