"""Loads the models of `HEARTH_PRELOAD` at the start. What goes wrong is logged and counted; the service starts anyway."""

import logging

from inference.api.opening import open_model, shape_of
from inference.api.options import read_options
from inference.api.runtime import Runtime
from inference.errors import InferenceError
from inference.scheduler import ModelRequest

logger = logging.getLogger(__name__)


async def preload(runtime: Runtime) -> None:
    """One after the other, in the order of the list, each with the context a request without wishes would get."""
    for name in runtime.settings.preload:
        try:
            await _load(runtime, name)
        except InferenceError as error:
            logger.error("HEARTH_PRELOAD: %s is not loaded: %s", name, error)


async def _load(runtime: Runtime, name: str) -> None:
    opened = await open_model(runtime, name)
    options = read_options(
        opened.defaults.parameters,
        {},
        num_ctx=runtime.settings.context_length,
        num_ctx_train=opened.metadata.context_length,
    )
    request = ModelRequest(
        model=opened.model, num_ctx=options.num_ctx, submit=None, shape=shape_of(opened), load_options=options.load
    )
    async for _ in runtime.scheduler.submit(request):
        pass
