"""How a model is to be loaded, as far as a request or a Modelfile says so: Ollama's runner options and three of llama.cpp's."""

import dataclasses
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from inference.scheduler.plan import DEFAULT_BATCH


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """None leaves it to Hearth, and to what is loaded already for as long as others ask for that. Not so where another value
    makes another model of it (`_DECISIVE`): there None is what the file says."""

    #: Threads that compute.
    num_thread: int | None = None
    #: Layers on GPUs; none is 0.
    num_gpu: int | None = None
    main_gpu: int | None = None
    #: Tokens of one batch.
    num_batch: int | None = None
    use_mmap: bool | None = None
    use_mlock: bool | None = None
    rope_frequency_base: float | None = None
    rope_frequency_scale: float | None = None

    @property
    def asked(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}

    def is_same_as(self, other: "LoadOptions") -> bool:
        """Whether a model is loaded with these as it is with the other."""
        batches = (self.num_batch or DEFAULT_BATCH, other.num_batch or DEFAULT_BATCH)
        return batches[0] == batches[1] and dataclasses.replace(self, num_batch=other.num_batch) == other

    def only(self, names: Container[str]) -> "LoadOptions":
        """Of these, those with such names."""
        return LoadOptions(**{name: value for name, value in self.asked.items() if name in names})

    def over(self, other: "LoadOptions") -> "LoadOptions":
        """These where they say something, else the other's as far as that changes no answer."""
        decisive = {name: getattr(self, name) for name in _DECISIVE}
        return dataclasses.replace(other, **{**self.asked, **decisive})


#: Nobody's answers may come from positions that somebody else wanted scaled.
_DECISIVE = ("rope_frequency_base", "rope_frequency_scale")
#: Nothing was asked for.
AUTOMATIC = LoadOptions()
