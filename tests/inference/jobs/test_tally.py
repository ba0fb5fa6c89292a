import pytest

from inference.jobs.job import new_job
from inference.jobs.speed import Speed
from inference.jobs.tally import Tally
from inference.library.progress import Progress


def test_layers_are_counted_together() -> None:
    job = new_job("pull", "m")
    tally = Tally(job, counts_together=True)
    tally.add(Progress(status="pulling manifest"))
    assert (job.message, job.completed, job.total) == ("pulling manifest", 0, 0)
    tally.add(Progress(status="pulling a", digest="a", total=100, completed=40))
    tally.add(Progress(status="pulling b", digest="b", total=50, completed=50))
    tally.add(Progress(status="pulling a", digest="a", total=100, completed=900))
    tally.add(Progress(status="verifying sha256 digest"))
    assert (job.message, job.completed, job.total) == ("verifying sha256 digest", 150, 150)


def test_steps_that_follow_each_other_are_not() -> None:
    job = new_job("create", "m")
    tally = Tally(job, counts_together=False)
    tally.add(Progress(status="converting model", total=100, completed=100))
    tally.add(Progress(status="quantizing", digest="0", total=60, completed=30))
    assert (job.completed, job.total) == (30, 60)
    tally.add(Progress(status="writing manifest"))
    assert (job.completed, job.total) == (0, 0)


def test_what_was_there_before_makes_nothing_faster() -> None:
    job = new_job("pull", "m")
    tally = Tally(job, counts_together=True)
    tally.add(Progress(status="pulling a", digest="a", total=10**12, completed=10**12))
    tally.add(Progress(status="pulling b", digest="b", total=10**12, completed=9 * 10**11))
    assert (job.speed, job.seconds_left) == (0.0, None)


def test_speed_is_that_of_the_last_seconds() -> None:
    now = 0.0
    speed = Speed(lambda: now)
    assert speed.per_second() == 0.0
    for _ in range(200):
        speed.add(int(now * 1000))
        now += 0.1
    for _ in range(200):
        now += 0.1
        speed.add(20_000 + int((now - 20) * 50))
    assert speed.per_second() == pytest.approx(50, rel=0.1)


def test_speed_falls_while_nothing_comes() -> None:
    now = 0.0
    speed = Speed(lambda: now)
    for second in range(5):
        now = float(second)
        speed.add(second * 100)
    assert speed.per_second() == pytest.approx(100)
    now = 40.0
    assert speed.per_second() == pytest.approx(10)
