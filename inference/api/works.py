"""Which kinds of jobs this runtime offers."""

from inference.api.runtime import Runtime
from inference.jobs.works.bench import BenchWork
from inference.jobs.works.create import CreateWork
from inference.jobs.works.import_ import ImportWork
from inference.jobs.works.optimise import OptimiseWork
from inference.jobs.works.pull import PullWork
from inference.jobs.works.push import PushWork


def register_works(runtime: Runtime) -> None:
    jobs = runtime.jobs
    jobs.register(PullWork(lambda: runtime.pulls))
    jobs.register(PushWork(lambda: runtime.pushes))
    jobs.register(BenchWork(lambda: runtime.bencher))
    jobs.register(CreateWork(runtime.library, lambda: runtime.pulls))
    jobs.register(ImportWork(runtime.library, runtime.uploads))
    jobs.register(OptimiseWork(lambda: runtime.optimiser))
