"""How long the decode thread waits for requests that are about to come."""

from inference.runner.gathering import Gathering

MS = 1_000_000


def gathering(num_ended: int = 0, ended_ns: int = 0) -> Gathering:
    made = Gathering()
    for _ in range(num_ended):
        made.note_end(ended_ns)
    return made


def test_one_who_asks_alone_waits_for_nobody() -> None:
    alone, again = gathering(), gathering(1, 100 * MS)
    alone.note_arrival(0, 5 * MS)
    again.note_arrival(0, 105 * MS)

    assert alone.patience_ns(5 * MS, 5 * MS) == 0
    assert again.patience_ns(105 * MS, 105 * MS) == 0


def test_those_who_are_announced_are_waited_for_a_little() -> None:
    announced = gathering()
    announced.note_arrival(2, 0)
    assert announced.patience_ns(0, 0) == 8 * MS
    announced.note_arrival(1, 7 * MS)
    assert announced.patience_ns(0, 8 * MS) == 7 * MS
    announced.note_arrival(1, 20 * MS)
    assert announced.patience_ns(0, 20 * MS) == 5 * MS
    assert announced.patience_ns(0, 26 * MS) < 0
    announced.note_arrival(0, 22 * MS)
    assert announced.patience_ns(0, 22 * MS) == 0


def test_those_whose_answers_have_just_ended_are_expected_back() -> None:
    ended = gathering(3, 100 * MS)
    ended.note_arrival(0, 103 * MS)
    assert ended.patience_ns(103 * MS, 103 * MS) == 8 * MS
    # Longer than the last one has paused, none comes.
    assert ended.patience_ns(103 * MS, 111 * MS) == 0
    ended.note_arrival(0, 104 * MS)
    ended.note_arrival(0, 104 * MS)
    assert ended.patience_ns(103 * MS, 104 * MS) == 0


def test_answers_that_ended_long_ago_bring_nobody_back() -> None:
    ended = gathering(3, 100 * MS)
    ended.note_arrival(0, 140 * MS)
    assert ended.patience_ns(140 * MS, 140 * MS) == 0
    ended.note_end(200 * MS)
    ended.note_arrival(0, 201 * MS)
    assert ended.patience_ns(201 * MS, 201 * MS) == 0


def test_who_has_not_come_is_not_waited_for_again() -> None:
    ended = gathering(3, 100 * MS)
    ended.note_arrival(4, 101 * MS)
    ended.end()
    assert ended.patience_ns(101 * MS, 102 * MS) == 0
