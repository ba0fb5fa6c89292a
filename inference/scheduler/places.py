"""Which model may take one of the few places for loaded models, and which must give its place up. Pure."""

from collections.abc import Iterable

from inference.scheduler.loaded import LoadedModel, ModelState


class Places:
    """Models that want a place get one in the order in which they asked."""

    def __init__(self, num_places: int) -> None:
        self._num_places = num_places
        self._wanting: dict[str, LoadedModel] = {}

    def want(self, model: LoadedModel) -> None:
        self._wanting.setdefault(model.key, model)

    def forget(self, model: LoadedModel) -> None:
        self._wanting.pop(model.key, None)

    def next_to_load(self, models: Iterable[LoadedModel]) -> list[LoadedModel]:
        """Models to be loaded now; they want no longer."""
        num_free = self._num_places - sum(model.state is not ModelState.ABSENT for model in models)
        chosen = list(self._wanting.values())[: max(0, num_free)]
        for model in chosen:
            del self._wanting[model.key]
        return chosen

    def choose_victims(self, models: Iterable[LoadedModel]) -> list[LoadedModel]:
        """Models to be unloaded for those that still want a place: idle ones first, then the least recently used."""
        candidates = list(models)
        num_needed = len(self._wanting) - sum(_is_going(model) for model in candidates)
        staying = [model for model in candidates if model.is_ready and not model.is_leaving]
        staying.sort(key=lambda model: (not model.is_idle, model.last_used))
        return staying[: max(0, num_needed)]

    def pardoned(self, models: Iterable[LoadedModel]) -> list[LoadedModel]:
        """Models that need not leave after all, because those who wanted their place went away."""
        candidates = list(models)
        num_spare = sum(_is_going(model) for model in candidates) - len(self._wanting)
        leaving = [model for model in candidates if model.is_ready and model.is_leaving]
        return leaving[: max(0, num_spare)]


def _is_going(model: LoadedModel) -> bool:
    return model.state is ModelState.CLOSING or model.is_leaving
