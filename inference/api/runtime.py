"""What the endpoints share: the library, the registries, the scheduler and the settings of one running service."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

from starlette.requests import Request

from inference.api.arrivals import Arrivals
from inference.api.tokenization_turns import TokenizationTurns
from inference.api.upload_turns import UploadTurns
from inference.api.usage_record import UsageRecord
from inference.benchmark.bench import Bencher
from inference.benchmark.optimise import Optimiser
from inference.benchmark.results import Benchmarks
from inference.benchmark.speedometer import Speedometer
from inference.estimate.estimator import Estimator
from inference.jobs import JobManager
from inference.library.models import Library
from inference.library.uploads import Uploads
from inference.scheduler import Scheduler
from inference.settings import Settings

if TYPE_CHECKING:
    from inference.library.registry.pulls import Pulls
    from inference.library.registry.pushes import Pushes
    from inference.library.registry.registry import Registry


@dataclass(frozen=True)
class Runtime:
    """What talks to registries is made when it is first asked for: an HTTP client and its cryptography take 20 MB of memory."""

    settings: Settings
    library: Library
    scheduler: Scheduler
    jobs: JobManager
    arrivals: Arrivals = field(default_factory=Arrivals)
    usages: UsageRecord = field(default_factory=UsageRecord)

    @cached_property
    def registry(self) -> "Registry":
        from inference.library.registry.registry import Registry

        return Registry(self.settings.data_dir)

    @cached_property
    def pulls(self) -> "Pulls":
        from inference.library.registry.pulls import Pulls

        return Pulls(self.library, self.registry, limit=self.settings.download_limit)

    @cached_property
    def pushes(self) -> "Pushes":
        from inference.library.registry.pushes import Pushes

        return Pushes(self.library, self.registry)

    @cached_property
    def uploads(self) -> Uploads:
        return Uploads(self.settings.uploads_dir)

    @cached_property
    def tokenization_turns(self) -> TokenizationTurns:
        return TokenizationTurns(lambda num_waiting: num_waiting + self.scheduler.num_waiting < self.settings.max_queue)

    @cached_property
    def upload_turns(self) -> UploadTurns:
        return UploadTurns()

    async def close(self) -> None:
        """Ends all answers, pulls and pushes."""
        used = [getattr(self, part) for part in ("pulls", "pushes", "registry") if part in self.__dict__]
        for part in (*used, self.scheduler):
            await part.close()

    @cached_property
    def benchmarks(self) -> Benchmarks:
        return Benchmarks(self.settings.data_dir)

    @cached_property
    def estimator(self) -> Estimator:
        return Estimator(self.settings, self.library, lambda: self.registry, self.scheduler, self.benchmarks)

    @cached_property
    def speedometer(self) -> Speedometer:
        return Speedometer(self.settings, self.scheduler)

    @cached_property
    def bencher(self) -> Bencher:
        return Bencher(self.library, self.speedometer, self.benchmarks, self.estimator)

    @cached_property
    def optimiser(self) -> Optimiser:
        return Optimiser(self.library, self.speedometer, self.bencher, self.settings.data_dir / "optimise")


def runtime_of(request: Request) -> Runtime:
    return cast(Runtime, request.app.state.runtime)
