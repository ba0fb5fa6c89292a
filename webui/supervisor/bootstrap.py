"""Runs the bootstrap command in a process of its own, which gives Django's memory back when it ends."""

import asyncio
import sys
from collections.abc import Mapping

from webui.paths import BASE_DIR
from webui.supervisor.child import Child
from webui.supervisor.service import ServiceCannotStart, described_exit


async def run_bootstrap(env: Mapping[str, str]) -> None:
    """Prepare the data directory. Raises ServiceCannotStart with the cause."""
    child = Child.start("bootstrap", [sys.executable, str(BASE_DIR / "manage.py"), "bootstrap"], env)
    try:
        code = await child.wait()
    finally:
        await asyncio.shield(child.stop())
    if code:
        raise ServiceCannotStart(f"The data directory could not be prepared: {child.output.cause() or described_exit(code)}")
