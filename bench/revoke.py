"""How long a stream goes on after its API key was revoked.

    .venv/bin/python -m bench.revoke [--rounds 20]

A whole Hearth in a scratch folder answers on the site's port; each round makes a key, begins an endless answer with it, revokes
the key in the database as another process would, and measures from that commit until the stream's last line has come.
"""

import argparse
import json
import sqlite3
import statistics
import time
from datetime import UTC, datetime

import httpx

from tests.site import MODEL, Site, scratch_site

_MAKE_KEYS = """
from webui.models import User
from webui.services.api_keys import create_key
person = User.objects.create(email="ada@example.org", display_name="Ada", role="administrator", is_approved=True)
for number in range({count}):
    print(create_key(person, name=f"key {{number}}", scopes=["chat"])[1])
"""
_ENDLESS = {"model": MODEL, "prompt": "Count: 1, 2, 3,", "raw": True, "options": {"num_predict": -1, "ignore_eos": True}}


def measure(site: Site, key: str, number: int) -> tuple[float, int]:
    """Milliseconds until the end, and lines of the answer that came after the commit."""
    body = {**_ENDLESS, "hearth": {"loop_guard": False}}
    headers = {"x-api-key": key}
    with httpx.stream("POST", f"{site.url}/api/generate", json=body, headers=headers, timeout=60) as answer:
        lines = answer.iter_lines()
        for _ in range(5):
            next(lines)
        with sqlite3.connect(f"{site.data}/hearth.sqlite3", timeout=20) as database:
            now = datetime.now(tz=UTC).isoformat(sep=" ", timespec="microseconds").removesuffix("+00:00")
            database.execute("UPDATE webui_apikey SET revoked_at = ? WHERE name = ?", (now, f"key {number}"))
        revoked = time.monotonic()
        rest = [json.loads(line) for line in lines]
    assert rest[-1]["code"] == "invalid_api_key", rest[-1]
    return (time.monotonic() - revoked) * 1000, len(rest) - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    rounds: int = parser.parse_args().rounds
    with scratch_site() as site:
        keys = site.manage("shell", "-c", _MAKE_KEYS.format(count=rounds)).split()[-rounds:]
        results = [measure(site, key, number) for number, key in enumerate(keys)]
    times = [milliseconds for milliseconds, _ in results]
    print(f"from the revocation to the end of the stream, {rounds} rounds:")
    print(f"  median {statistics.median(times):.0f} ms, least {min(times):.0f} ms, most {max(times):.0f} ms")
    print(f"  lines of the answer meanwhile: median {statistics.median(count for _, count in results):.0f}")


if __name__ == "__main__":
    main()
