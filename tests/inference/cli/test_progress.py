from typing import Any

from inference.cli.progress import Layer, Steps

DIGEST = "sha256:" + "8de95da68dc4" * 5


def event(completed: int, total: int = 352_000_000) -> dict[str, Any]:
    return {"status": "pulling 8de95da68dc4", "digest": DIGEST, "total": total, "completed": completed}


def test_finished_layer_looks_as_the_tutorials_show_it() -> None:
    layer = Layer("pulling 62fbfd9ed093...", 182, 0.0)
    layer.update(182, 1.0)

    line = layer.line(60)

    assert line.startswith("pulling 62fbfd9ed093... 100% ▕██")
    assert line.endswith("██▏  182 B")
    assert len(line) < 60


def test_running_layer_tells_amount_speed_and_time_left() -> None:
    steps = Steps()
    for second in range(5):
        steps.update(event(second * 10_000_000), float(second))

    layer = steps.lines[0]
    assert isinstance(layer, Layer)

    assert layer.figures == " 40 MB/352 MB   10 MB/s    31s"
    assert layer.line(80).startswith("pulling 8de95da68dc4...  11% ▕█ ")


def test_what_was_there_before_is_not_taken_for_speed() -> None:
    steps = Steps()
    steps.update(event(300_000_000), 0.0)
    steps.update(event(301_000_000), 1.0)

    layer = steps.lines[0]
    assert isinstance(layer, Layer)

    assert layer.speed == 1_000_000


def test_steps_stand_in_their_order_and_repeat_nothing() -> None:
    steps = Steps()
    for line in ({"status": "pulling manifest"}, {"status": "pulling manifest"}, event(1), event(2), {"status": "success"}):
        steps.update(line, 0.0)

    assert [line if isinstance(line, str) else line.label for line in steps.lines] == [
        "pulling manifest",
        "pulling 8de95da68dc4...",
        "success",
    ]


def test_hostile_numbers_do_no_harm() -> None:
    steps = Steps()
    for completed, total in ((-5, 10), (50, 10), (5, 10)):
        steps.update(event(completed, total), 1.0)
    steps.update({"status": "\x1b[2Jx", "total": "many", "completed": None}, 2.0)

    layer, text = steps.lines
    assert isinstance(layer, Layer)
    assert layer.line(10).count("█") <= 4
    assert text == "␛[2Jx"
