"""A request for text that has passed every check, ready to be given to the scheduler."""

import os
from dataclasses import dataclass

import msgspec
from starlette.requests import Request

from inference.api.choice import Choice
from inference.api.opening import OpenModel, submit
from inference.api.options import Options
from inference.api.reading import Reading
from inference.api.runtime import Runtime
from inference.api.schemas import RequestBody
from inference.runner.messages import Submit


@dataclass(frozen=True)
class Prepared:
    """`work` is None where nothing but loading the model is asked for. `keep_alive` in seconds, None for the default."""

    request: Request
    runtime: Runtime
    body: RequestBody
    opened: OpenModel
    options: Options
    keep_alive: float | None
    work: Submit | None
    reading: Reading

    def start(self, seed_offset: int = 0, *, prompt: int = 0) -> Choice:
        """Gives the work to the scheduler. Choices of one request get offsets of their own: with a seed they differ then, and
        are the same the next time; `prompt` is which of the request's prompts it is. Raises an `InferenceError` when there is
        no place."""
        work = self.work
        if work is not None and seed_offset:
            seed = work.sampling.seed
            sampling = work.sampling if seed < 0 else msgspec.structs.replace(work.sampling, seed=(seed + seed_offset) % 2**32)
            work = msgspec.structs.replace(work, request_id=os.urandom(8).hex(), sampling=sampling)
        stream = submit(
            self.request,
            self.runtime,
            self.opened,
            self.body,
            options=self.options,
            keep_alive=self.keep_alive,
            work=work,
            prompt=prompt,
        )
        return Choice(stream, self.reading, prompt)
