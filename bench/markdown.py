"""Markdown: what importing, rendering and streaming it cost. Prints a table, then the same figures as JSON.

Run as `python -m bench.markdown` from the repository's root; needs no server, database or model.
"""

import json
import os
import re
import subprocess
import sys
import time
from statistics import median
from typing import Any

import django

from webui.markdown import BlockStream, BlockView, render

PROSE = """Photosynthesis is how plants turn light into food. In the leaves, **chlorophyll** absorbs mostly red and blue light,
and the energy is used to split water into oxygen and hydrogen. The oxygen leaves through small openings called *stomata*.

## The two stages

1. The light reactions take place in the thylakoid membranes and store energy in ATP and NADPH.
2. The Calvin cycle uses that energy to build sugar from carbon dioxide, one molecule of $CO_2$ at a time.

A plant in bright light can make far more sugar than it needs. It stores the rest as starch, which is why potatoes, rice and
wheat feed so many people. At night the process runs backwards in a sense: the plant breathes, as we do, and uses its stores.

- Warmth helps, up to about 35 degrees.
- Drought closes the stomata and slows everything down.

In short: light and water come in, sugar and oxygen come out, and nearly all life on land depends on the difference.

"""
CODE = (
    "```python\n"
    + "def area(width: float, height: float) -> float:\n    return width * height  # square metres\n\n\n" * 120
    + "```\n"
)
IMPORT = """
import json, sys, time, django
django.setup()
from django.utils.safestring import SafeString
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
size, started = resident(), time.process_time()
import webui.markdown
imported, grown = time.process_time() - started, resident() - size
size, started = resident(), time.process_time()
webui.markdown.render("a **b** `c`")
first, first_grown = time.process_time() - started, resident() - size
print(json.dumps([imported, grown, first, first_grown]))
"""


def tokens_of(text: str) -> list[str]:
    """Return pieces about the size of a model's tokens: words with their space, long ones in two, punctuation alone."""
    return re.findall(r"\s?[A-Za-z]{1,7}|\s?\d{1,3}|\s?[^\sA-Za-z\d]|\s", text)


def measure_import(runs: int = 5) -> dict[str, Any]:
    """Return the processor time and memory that importing and the first rendering cost, in fresh processes with Django set up."""
    results = [
        json.loads(subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True).stdout) for _ in range(runs)
    ]
    imported, grown, first, first_grown = (median(column) for column in zip(*results, strict=True))
    return {
        "import_cpu_ms": round(imported * 1000, 1),
        "import_kb": round(grown / 1024),
        "first_render_cpu_ms": round(first * 1000, 1),
        "first_render_kb": round(first_grown / 1024),
    }


def measure_rendering(text: str) -> dict[str, Any]:
    """Return how long a whole text takes, as the median of five."""
    render(text)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        html = render(text)
        times.append(time.perf_counter() - started)
    return {"characters": len(text), "html_characters": len(html), "render_ms": round(median(times) * 1000, 2)}


def measure_stream(text: str, *, tokens_per_second: float, delay: float | None) -> dict[str, Any]:
    """Stream a text token by token on a simulated clock; a frame every `delay` seconds, or as the view advises if None."""
    stream = BlockStream()
    view = BlockView(stream, stream=1)
    tokens = tokens_of(text)
    sent = frames = 0
    spent = due = 0.0
    for number, token in enumerate(tokens):
        started = time.thread_time()
        stream.append(token)
        is_last = number == len(tokens) - 1
        if is_last:
            stream.finish()
        if is_last or number / tokens_per_second >= due:
            for frame in view.frames():
                payload = len(json.dumps(frame, ensure_ascii=False, separators=(",", ":")).encode())
                sent += payload + (2 if payload < 126 else 4 if payload < 65_536 else 10)
                frames += 1
            due = number / tokens_per_second + (view.next_delay if delay is None else delay)
        spent += time.thread_time() - started
    size = len(text.encode())
    return {
        "tokens": len(tokens),
        "frames": frames,
        "text_bytes": size,
        "sent_bytes": sent,
        "overhead_per_token": round((sent - size) / len(tokens), 1),
        "times_the_text": round(sent / size, 2),
        "cpu_us_per_token": round(spent / len(tokens) * 1e6),
    }


def main() -> None:
    """Measure and print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")
    os.environ.setdefault("HEARTH_SECRET_KEY", "bench")
    django.setup()
    prose = PROSE * 4
    streams = {
        "prose, 30 ms, 33 tokens/s": measure_stream(prose, tokens_per_second=33, delay=0.03),
        "prose, 30 ms, 100 tokens/s": measure_stream(prose, tokens_per_second=100, delay=0.03),
        "prose, advised, 33 tokens/s": measure_stream(prose, tokens_per_second=33, delay=None),
        "prose, advised, 100 tokens/s": measure_stream(prose, tokens_per_second=100, delay=None),
        "code, advised, 33 tokens/s": measure_stream(CODE, tokens_per_second=33, delay=None),
        "code, advised, 100 tokens/s": measure_stream(CODE, tokens_per_second=100, delay=None),
    }
    texts = {
        "prose": prose,
        "code": CODE,
        "list of 2,000 items": "- item with **bold** text\n" * 2_000,
        "1 MB of prose": PROSE * (1_000_000 // len(PROSE)),
        "1 MB in one line": "*a [b](" * 142_857,
    }
    result: dict[str, Any] = {
        "import": measure_import(),
        "render": {name: measure_rendering(text) for name, text in texts.items()},
    }
    result["stream"] = streams
    _print_table([{"import": "", **result["import"]}])
    _print_table([{"render": name, **row} for name, row in result["render"].items()])
    _print_table([{"stream": name, **row} for name, row in streams.items()])
    print(json.dumps(result))


def _print_table(rows: list[dict[str, Any]]) -> None:
    columns = list(rows[0])
    widths = {name: max(len(name), *(len(str(row[name])) for row in rows)) for name in columns}
    for row in [dict(zip(columns, columns, strict=True)), *rows]:
        cells = [
            str(row[name]).ljust(widths[name]) if name == columns[0] else str(row[name]).rjust(widths[name]) for name in columns
        ]
        print("  ".join(cells))
    print()


if __name__ == "__main__":
    main()
