"""Running sequences lie side by side, and what they hold goes with them."""

import itertools

import pytest

from inference.runner.engine.engine import Engine
from inference.runner.engine.media import media_ids
from inference.runner.engine.placement import Placement, misplaced
from inference.runner.engine.request import Request
from inference.runner.engine.slot import Slot
from inference.runner.messages import OutputDelta, RequestFinished, SamplingParams
from tests.inference.runner.engine.fake_model import FakeModel, expected_answer

NUM_CTX = 64
#: Prompts whose answers go on for at least thirty tokens.
LONG = [[start] for start in range(1, 60) if len(expected_answer([start], max_tokens=None, num_ctx=NUM_CTX)[0]) > 30]


@pytest.mark.parametrize(
    ("used", "num_slots", "outside", "free"),
    [
        ([], 4, set(), set()),
        ([2], 4, set(), set()),
        ([3, 1, 2], 4, set(), set()),
        ([0, 2], 4, {2}, {1}),
        ([0, 1, 3], 4, {3}, {2}),
        ([0, 2, 3], 4, {0}, {1}),
        ([0, 3, 4, 5, 9], 12, {0, 9}, {1, 2}),
        ([0, 7], 8, {7}, {1}),
    ],
)
def test_misplaced_names_the_fewest(used: list[int], num_slots: int, outside: set[int], free: set[int]) -> None:
    found, places = misplaced(used, num_slots)

    assert len(found) == len(outside) == len(places)
    assert found <= set(used)
    assert not places & set(used)
    moved = sorted((set(used) - found) | places)
    assert all(later == earlier + 1 for earlier, later in itertools.pairwise(moved))


def make_request(name: str, prompt: list[int]) -> Request:
    return Request(name, list(prompt), SamplingParams(), None, [], arrived_ns=0)


class Clock:
    """Each look at it takes a hundredth of a second: what is measured between two looks always takes as long."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        self.ns += 10_000_000
        return self.ns


def started(names: str, *, can_trim: bool = True) -> tuple[FakeModel, Engine, list[object]]:
    """A slot and a long answer for each name; nothing is computed yet."""
    model = FakeModel(num_slots=len(names), num_ctx=NUM_CTX, can_trim=can_trim)
    engine = Engine(model, clock_ns=Clock())
    for name, prompt in zip(names, LONG, strict=False):
        engine.add(make_request(name, prompt))
    return model, engine, []


def run(engine: Engine, events: list[object], steps: int) -> None:
    for _ in range(steps):
        events += engine.step()


def answers(events: list[object]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for event in events:
        if isinstance(event, OutputDelta):
            texts[event.request_id] = texts.get(event.request_id, "") + event.text
    return texts


def test_gap_that_lasts_is_closed_and_the_answers_stay_the_same() -> None:
    _model, engine, events = started("abcd")
    run(engine, events, 3)
    engine.abort("b")
    run(engine, events, 12)

    assert sorted(slot.seq_id for slot in engine.scheduler.running) in ([0, 1, 2], [1, 2, 3])
    run(engine, events, NUM_CTX)
    assert [event.finish_reason for event in events if isinstance(event, RequestFinished)].count("abort") == 1
    for name, prompt in zip("acd", [LONG[0], LONG[2], LONG[3]], strict=True):
        assert answers(events)[name] == expected_answer(prompt, max_tokens=None, num_ctx=NUM_CTX)[0]


def test_what_an_idle_slot_holds_moves_with_it_and_is_used_again() -> None:
    model, engine, events = started("abcd")
    run(engine, events, 10)
    kept = list(next(slot for slot in engine.scheduler.running if slot.request.request_id == "b").tokens)
    engine.abort("b")
    run(engine, events, 12)
    idle = next(slot for slot in engine.scheduler.slots if slot.request is None)

    assert idle.tokens[: len(kept)] == kept
    assert model.cache[idle.seq_id] == idle.tokens
    engine.add(make_request("again", [*kept, 5]))
    run(engine, events, 1)
    assert next(slot for slot in engine.scheduler.slots if slot is idle).request.num_cached_tokens >= len(kept)


def test_state_that_is_not_taken_is_computed_anew() -> None:
    model, engine, events = started("abcd")
    run(engine, events, 3)
    engine.abort("b")
    model.refuses_states = True
    run(engine, events, 3 * NUM_CTX)

    for name, prompt in zip("acd", [LONG[0], LONG[2], LONG[3]], strict=True):
        assert answers(events)[name] == expected_answer(prompt, max_tokens=None, num_ctx=NUM_CTX)[0]


def test_move_that_would_take_too_long_is_not_made() -> None:
    model, engine, events = started("abcd")
    engine._placement = Placement(model, engine.scheduler.slots, max_pause_ns=1, clock_ns=Clock())
    run(engine, events, 3)
    engine.abort("b")
    run(engine, events, 12)

    assert [slot.seq_id for slot in engine.scheduler.running] == [0, 2, 3]


def apart(*places: int, num_slots: int, num_tokens: int) -> tuple[FakeModel, list[Slot], list[Slot]]:
    """All slots with so many tokens; those at `places` are running."""
    model = FakeModel(num_slots=num_slots, num_ctx=NUM_CTX)
    slots = [Slot(seq_id) for seq_id in range(num_slots)]
    for slot in slots:
        slot.tokens = [slot.seq_id + 1] * num_tokens
        model.cache[slot.seq_id] = list(slot.tokens)
    running = [slots[place] for place in places]
    for slot in running:
        slot.request = make_request(str(slot.seq_id), [*slot.tokens, 1])
    return model, slots, running


def test_gap_is_closed_when_it_has_cost_as_much_as_closing_it_takes() -> None:
    model, slots, running = apart(0, 2, num_slots=3, num_tokens=10)
    placement = Placement(model, slots, max_pause_ns=10**9, clock_ns=lambda: 0)

    # 20 tokens at 0.02 ms each, against a quarter of 0.4 ms a step.
    for _ in range(3):
        placement.improve(running, step_ns=400_000)
        assert [slot.seq_id for slot in running] == [0, 2]
    placement.improve(running, step_ns=400_000)

    assert sorted(slot.seq_id for slot in running) in ([0, 1], [1, 2])


def test_slot_that_holds_an_image_stays_where_it_is() -> None:
    model, slots, running = apart(0, 2, num_slots=4, num_tokens=2)
    for place in (1, 3):
        slots[place].tokens = model.cache[place] = [7, *media_ids(b"image", 0, 5), 8]
    placement = Placement(model, slots, max_pause_ns=10**9, clock_ns=lambda: 0)

    placement.improve(running, step_ns=10**9)

    assert [slot.seq_id for slot in slots] == [0, 1, 2, 3] and model.num_saves == 0


def test_slot_changes_places_with_one_that_holds_no_image() -> None:
    model, slots, running = apart(0, 3, num_slots=4, num_tokens=9)
    slots[2].tokens = model.cache[2] = [*media_ids(b"image", 0, 3), 8]
    placement = Placement(model, slots, max_pause_ns=10**9, clock_ns=lambda: 0)

    placement.improve(running, step_ns=10**9)

    assert [slot.seq_id for slot in slots] == [0, 3, 2, 1]
    assert all(model.cache[slot.seq_id] == slot.tokens for slot in slots)


def test_gap_that_closed_by_itself_counts_no_more() -> None:
    model, slots, running = apart(0, 2, num_slots=3, num_tokens=10)
    placement = Placement(model, slots, max_pause_ns=10**9, clock_ns=lambda: 0)

    for _ in range(3):
        placement.improve(running, step_ns=400_000)
    placement.improve(running[:1], step_ns=400_000)
    placement.improve(running, step_ns=400_000)

    assert [slot.seq_id for slot in running] == [0, 2]


@pytest.mark.parametrize(("max_pause_ns", "num_moved"), [(10**9, 3), (1_500_000, 1)])
def test_several_move_at_once_within_the_pause(max_pause_ns: int, num_moved: int) -> None:
    model, slots, running = apart(0, 2, 4, 9, 10, 11, 12, num_slots=13, num_tokens=25)
    # Its first look says 0, later ones the same: moving takes what it was taken to take.
    clock = itertools.cycle([0, 50 * 20_000])
    placement = Placement(model, slots, max_pause_ns=max_pause_ns, clock_ns=lambda: next(clock))

    placement.improve(running, step_ns=100_000_000)

    places = {slot.seq_id for slot in running}
    assert len({0, 2, 4} - places) == num_moved
    assert (places == set(range(6, 13))) == (num_moved == 3)
    assert all(model.cache[slot.seq_id] == slot.tokens for slot in slots)


def test_models_whose_states_cannot_be_cut_stay_where_they_are() -> None:
    _model, engine, events = started("abc", can_trim=False)
    run(engine, events, 3)
    engine.abort("b")
    run(engine, events, 12)

    assert [slot.seq_id for slot in engine.scheduler.running] == [0, 2]


def test_new_request_is_moved_beside_the_others_while_that_costs_nothing() -> None:
    model = FakeModel(num_slots=4, num_ctx=NUM_CTX)
    engine, events = Engine(model, clock_ns=Clock()), []
    for slot, cached in zip(engine.scheduler.slots, [[70], [71, 71], [72], [73]], strict=True):
        slot.tokens = model.cache[slot.seq_id] = list(cached)
        slot.last_used = slot.seq_id + 1
    engine.scheduler.slots[2].last_used = 0
    engine.add(make_request("a", LONG[0]))
    run(engine, events, 1)
    engine.add(make_request("b", LONG[1]))
    run(engine, events, 2)

    places = sorted(slot.seq_id for slot in engine.scheduler.running)
    assert places[1] == places[0] + 1
    assert all(model.cache[slot.seq_id] == slot.tokens for slot in engine.scheduler.slots)
