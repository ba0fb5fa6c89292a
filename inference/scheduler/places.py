"""Which model may take one of the few places for loaded models, and which must give its place up. Pure."""

from collections.abc import Callable, Iterable

from inference.scheduler.loaded import LoadedModel, ModelState


class Places:
    """Models that want a place get one in the order in which they asked."""

    def __init__(self, num_places: int) -> None:
        self._num_places = num_places
        self._wanting: dict[str, LoadedModel] = {}

    def want(self, model: LoadedModel) -> None:
        self._wanting.setdefault(model.key, model)

    def forget(self, model: LoadedModel) -> None:
        # One that crashed may be told of its end when its successor of the same key already waits.
        if self._wanting.get(model.key) is model:
            del self._wanting[model.key]

    @property
    def head(self) -> LoadedModel | None:
        """The model whose turn it is; the others wait for it, so that a large one is never overtaken for ever."""
        return next(iter(self._wanting.values()), None)

    def has_free(self, models: Iterable[LoadedModel]) -> bool:
        return sum(model.state is not ModelState.ABSENT for model in models) < self._num_places

    def choose_victims(
        self, models: Iterable[LoadedModel], *, shortage: int = 0, held: Callable[[LoadedModel], int] = lambda _: 0
    ) -> list[LoadedModel]:
        """Models to be unloaded for those that still want a place: idle ones first, then the least recently used.
        `shortage` is what the head still lacks in bytes, `held` what comes back with a model."""
        candidates = list(models)
        num_taken = sum(model.state is not ModelState.ABSENT for model in candidates)
        going = [model for model in candidates if _is_going(model)]
        num_needed = len(self._wanting) - len(going) - max(0, self._num_places - num_taken)
        lacking = shortage - sum(held(model) for model in going)
        staying = [model for model in candidates if model.is_ready and not model.is_leaving]
        staying.sort(key=lambda model: (not model.is_idle, model.last_used))
        victims: list[LoadedModel] = []
        for model in staying:
            if num_needed <= len(victims) and lacking <= 0:
                break
            if num_needed <= len(victims) and not held(model):
                continue
            victims.append(model)
            lacking -= held(model)
        return victims

    def pardoned(
        self, models: Iterable[LoadedModel], *, shortage: int = 0, held: Callable[[LoadedModel], int] = lambda _: 0
    ) -> list[LoadedModel]:
        """Models that need not leave after all, because those who wanted their place or their memory went away."""
        candidates = list(models)
        num_spare = sum(_is_going(model) for model in candidates) - len(self._wanting)
        spare = sum(held(model) for model in candidates if _is_going(model)) - shortage
        pardoned: list[LoadedModel] = []
        for model in (model for model in candidates if model.is_ready and model.is_leaving):
            if len(pardoned) < num_spare and (not self._wanting or spare >= held(model)):
                pardoned.append(model)
                spare -= held(model)
        return pardoned


def _is_going(model: LoadedModel) -> bool:
    return model.state is ModelState.CLOSING or model.is_leaving
