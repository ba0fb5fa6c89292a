"""How far a job is, added up from the steps of its work."""

from inference.jobs.job import Job
from inference.jobs.speed import Speed
from inference.library.progress import Progress


class Tally:
    """Writes what it counts into the job."""

    def __init__(self, job: Job, *, counts_together: bool) -> None:
        self._job = job
        self._counts_together = counts_together
        self._parts: dict[str, tuple[int, int]] = {}
        #: What was there when it was first counted: nobody waited for it.
        self._given = 0
        self._speed = Speed()

    def add(self, step: Progress) -> None:
        self._job.message = step.status
        key = step.digest or step.status
        if not self._counts_together and key not in self._parts and step.status != "success":
            self._begin_anew()
        if step.total > 0:
            completed = min(step.completed, step.total)
            if key not in self._parts:
                self._given += completed
            self._parts[key] = (completed, step.total)
            self._job.completed = sum(completed for completed, _ in self._parts.values())
            self._job.total = sum(total for _, total in self._parts.values())
            self._speed.add(self._job.completed - self._given)
        self.measure()

    def measure(self) -> None:
        """Brings speed and remaining time up to now."""
        speed = self._speed.per_second()
        missing = self._job.total - self._job.completed
        self._job.speed = round(speed, 1)
        self._job.seconds_left = round(missing / speed) if speed > 0 and missing > 0 else None

    def _begin_anew(self) -> None:
        self._parts.clear()
        self._job.completed = self._job.total = self._given = 0
        self._speed = Speed()
