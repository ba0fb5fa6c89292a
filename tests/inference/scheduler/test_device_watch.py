import pytest

from inference.scheduler import device_watch
from inference.scheduler.device_watch import DeviceWatch
from inference.scheduler.machine import Device
from inference.scheduler.nvml import Nvml

MB = 10**6


class Cards:
    """What llama.cpp and the driver say, and how often llama.cpp was asked."""

    def __init__(self, *, context: int = 500 * MB, buses: tuple[str, ...] = ("0000:01:00.0",)) -> None:
        self.free = 20_000 * MB
        self.context = context
        self.buses = buses
        self.num_probes = 0
        self.is_silent = False
        self.is_full = False

    async def probe(self) -> tuple[Device, ...] | None:
        self.num_probes += 1
        if self.is_full:
            return None
        return tuple(
            Device(f"CUDA{index}", self.free - self.context, 24_000 * MB, bus_id=bus) for index, bus in enumerate(self.buses)
        )

    def free_bytes(self, bus_id: str) -> int | None:
        return None if self.is_silent or not bus_id else self.free


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_watch, "_MEMORY_RETURNS_S", 0)


async def watch(cards: Cards) -> DeviceWatch:
    made = DeviceWatch(cards.probe, cards.free_bytes)
    assert await made.refresh()
    return made


async def test_driver_is_asked_once_the_cards_are_known() -> None:
    cards = Cards(buses=("0000:01:00.0", "0000:02:00.0"))
    watching = await watch(cards)
    cards.free = 5000 * MB

    assert await watching.refresh()
    assert [(device.name, device.free, device.total) for device in watching.devices] == [
        ("CUDA0", 4500 * MB, 24_000 * MB), ("CUDA1", 4500 * MB, 24_000 * MB)
    ]  # fmt: skip
    cards.free = 100 * MB
    assert await watching.refresh()
    assert watching.devices[0].free == 0
    assert cards.num_probes == 1


@pytest.mark.parametrize("changes", [{"buses": ("",)}, {"context": -MB}, {"context": 12_000 * MB}])
async def test_llama_is_asked_where_the_driver_speaks_of_something_else(changes: dict[str, object]) -> None:
    cards = Cards(**changes)  # type: ignore[arg-type]
    watching = await watch(cards)
    cards.free = 15_000 * MB

    assert await watching.refresh()
    assert watching.devices[0].free == cards.free - cards.context
    assert cards.num_probes == 2


async def test_driver_that_falls_silent_is_done_without() -> None:
    cards = Cards()
    watching = await watch(cards)
    cards.is_silent, cards.free = True, 9000 * MB

    assert await watching.refresh()
    assert (watching.devices[0].free, cards.num_probes) == (8500 * MB, 2)


async def test_figures_stay_where_nobody_answers() -> None:
    cards = Cards()
    watching = await watch(cards)
    cards.is_silent = cards.is_full = True

    assert not await watching.refresh()
    assert watching.devices[0].free == 19_500 * MB


@pytest.mark.parametrize("library", ["libnothing-of-that-name.so.1", "libc.so.6"])
def test_machine_without_the_driver_knows_nothing_of_cards(library: str) -> None:
    assert Nvml(library).free_bytes("0000:01:00.0") is None
