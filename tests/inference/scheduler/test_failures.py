from inference.errors import ModelLoadFailed
from inference.scheduler.failures import FailureLog


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_third_failure_within_a_minute_is_refused_with_its_cause_and_wait() -> None:
    clock = Clock()
    log = FailureLog(clock)
    for _ in range(2):
        log.add("m", "early")
        clock.now += 10
        assert log.refusal("m", "m:latest") is None
    log.add("m", "out of memory")

    refusal = log.refusal("m", "m:latest")
    assert isinstance(refusal, ModelLoadFailed)
    assert "m:latest failed 3 times within a minute" in str(refusal)
    assert "40 seconds" in str(refusal)
    assert "out of memory" in str(refusal)
    assert log.refusal("other", "other") is None


def test_refusal_ends_with_the_minute() -> None:
    clock = Clock()
    log = FailureLog(clock)
    for _ in range(3):
        log.add("m", "x")
    clock.now += 60

    assert log.refusal("m", "m") is None
    log.add("m", "again")
    assert log.refusal("m", "m") is None


def test_slow_failures_are_never_refused() -> None:
    clock = Clock()
    log = FailureLog(clock)
    for _ in range(10):
        log.add("m", "x")
        clock.now += 31
        assert log.refusal("m", "m") is None
