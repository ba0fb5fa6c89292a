"""Which models are loaded, and who waits for them. One event loop owns all of it; nothing here blocks.

`queue` orders the waiting, `stream` carries one request's events to its reader, `failures` stops crash loops,
`loaded` holds one model's state, `load_options` how it is loaded, `residence` loads and unloads, `scheduler` moves requests
between them.
"""

from inference.scheduler.load_options import LoadOptions
from inference.scheduler.loaded import LoadedModel, ModelRequest
from inference.scheduler.scheduler import Scheduler
from inference.scheduler.stream import Finished, Loading, Output, Prefilling, Queued, Rendered, RequestStream, StreamEvent

__all__ = [
    "Finished",
    "LoadOptions",
    "LoadedModel",
    "Loading",
    "ModelRequest",
    "Output",
    "Prefilling",
    "Queued",
    "Rendered",
    "RequestStream",
    "Scheduler",
    "StreamEvent",
]
