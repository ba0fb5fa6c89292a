"""Long work that belongs to the runtime and not to a connection: it goes on when whoever asked for it goes away, and after
a restart.

    job.py        what one is, and what may be done to it in which state
    work.py       what a kind of work has to offer
    manager.py    which ones there are, which ones run
    run.py        one that runs, to its end
    tally.py      how far it is, and how fast (speed.py)
    store.py      the files they are kept in, HEARTH_DATA/jobs/<id>.json
    failure.py    why one failed, as a sentence
"""

from inference.jobs.errors import ActionNotPossible, JobNotFound
from inference.jobs.job import Job, Status
from inference.jobs.manager import JobManager
from inference.jobs.work import Result, Steps, Work

__all__ = ["ActionNotPossible", "Job", "JobManager", "JobNotFound", "Result", "Status", "Steps", "Work"]
