from inference.scheduler.pace import Pace


def test_nothing_is_foretold_before_anything_was_measured() -> None:
    assert Pace().wait(1, 4) is None


def test_wait_follows_from_the_average_the_place_and_the_slots() -> None:
    pace = Pace()
    pace.add(20)

    assert [pace.wait(position, 4) for position in (1, 2, 4, 8)] == [5, 10, 20, 40]
    assert pace.wait(3, 1) == 60
    assert pace.wait(1, 0) == 20


def test_wait_is_at_least_a_second_and_follows_change() -> None:
    pace = Pace()
    pace.add(0.01)
    assert pace.wait(1, 4) == 1
    for _ in range(50):
        pace.add(10)

    assert pace.wait(1, 1) == 10
