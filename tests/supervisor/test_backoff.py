from webui.supervisor.backoff import Backoff


def test_delays_double_up_to_half_a_minute() -> None:
    backoff = Backoff()

    delays = [backoff.ended(ready_for=1.0) for _ in range(8)]

    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_minute_of_health_forgets_the_past() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.ended(ready_for=1.0)

    assert backoff.ended(ready_for=60.0) == 0.5


def test_only_starts_in_a_row_that_never_became_ready_are_a_failure() -> None:
    backoff = Backoff()

    seen = []
    for ready_for in (None, None, 5.0, None, None, None):
        backoff.ended(ready_for=ready_for)
        seen.append(backoff.cannot_start)

    assert seen == [False, False, False, False, False, True]
