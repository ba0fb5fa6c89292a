import random

import pytest

from inference.scheduler.queue import FairQueue


def drain(queue: FairQueue[str]) -> list[str]:
    return [queue.pop() for _ in range(len(queue))]


def test_empty_queue_has_nothing_to_take() -> None:
    queue: FairQueue[str] = FairQueue()

    assert queue.peek() is None
    assert queue.remove("x") is False
    with pytest.raises(IndexError):
        queue.pop()


def test_one_client_is_served_in_order() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("a1", "a2", "a3"):
        queue.push(item, client="a")

    assert drain(queue) == ["a1", "a2", "a3"]


def test_fifty_requests_of_one_delay_nobody_elses_one() -> None:
    queue: FairQueue[str] = FairQueue()
    for number in range(50):
        queue.push(f"a{number}", client="a")
    taken = [queue.pop() for _ in range(10)]
    queue.push("b0", client="b")
    queue.push("c0", client="c")

    assert taken == [f"a{number}" for number in range(10)]
    # b and c join the round that is being served: at most one of a's goes before them.
    assert {"b0", "c0"} <= {queue.pop() for _ in range(3)}


def test_clients_take_turns() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("a1", "a2", "a3", "b1", "b2", "c1"):
        queue.push(item, client=item[0])

    assert drain(queue) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_background_waits_until_nobody_else_does() -> None:
    queue: FairQueue[str] = FairQueue()
    queue.push("title", client="a", is_background=True)
    queue.push("a1", client="a")
    queue.push("b1", client="b")

    assert drain(queue) == ["a1", "b1", "title"]


def test_order_foretold_is_the_order_kept() -> None:
    source = random.Random(5)
    queue: FairQueue[int] = FairQueue()
    number = 0
    for _ in range(500):
        if source.random() < 0.6:
            number += 1
            queue.push(number, client=str(source.randrange(6)), is_background=source.random() < 0.2)
        elif len(queue):
            head = queue.peek()
            assert queue.pop() == head
    foretold = list(queue)
    assert len(foretold) > 20
    assert [queue.pop() for _ in range(len(queue))] == foretold


def test_removed_item_leaves_the_others_in_order() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in ("a1", "b1", "a2"):
        queue.push(item, client=item[0])

    assert queue.remove("b1") is True
    assert queue.remove("b1") is False
    assert queue.clear() == ["a1", "a2"]
    assert len(queue) == 0


@pytest.mark.parametrize("kept", [None, 0, 25, 49])
def test_requests_that_were_given_up_do_not_delay_those_that_follow(kept: int | None) -> None:
    queue: FairQueue[str] = FairQueue()
    items = [f"a{number}" for number in range(50)]
    for item in items:
        queue.push(item, client="a")
    for number, item in enumerate(items):
        if number != kept:
            assert queue.remove(item)
    queue.push("again", client="a")
    for number in range(10):
        queue.push(f"b{number}", client="b")

    # At most two of b's go before it: those of the rounds in which a has something, or had.
    expected = {f"a{kept}", "again"} - {"aNone"}
    assert expected <= {queue.pop() for _ in range(len(expected) + 2)}


def test_giving_up_gets_nobody_ahead_of_others() -> None:
    queue: FairQueue[str] = FairQueue()
    taken = []
    for number in range(20):
        queue.push(f"b{number}", client="b")
    for number in range(5):
        queue.push(f"a{number}", client="a")
        queue.push("given up", client="a")
        queue.remove("given up")
        taken += [queue.pop(), queue.pop()]

    assert sum(item.startswith("a") for item in taken) <= 5


def test_clients_that_only_give_up_are_forgotten() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(1000):
        queue.push(number, client=str(number))
        queue.remove(number)
    for number in range(1000):
        queue.push(number, client=str(number))
    queue.clear()

    assert len(queue._last_round) < 100


def test_clients_that_left_are_forgotten() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(1000):
        queue.push(number, client=str(number))
        queue.push(number, client="regular")
        queue.pop()
        queue.pop()

    assert len(queue._last_round) < 100
