"""The estimate against a real runner that has computed a whole batch."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from inference.library.footprint import estimate
from inference.library.gguf import read_metadata
from inference.library.shape import read_shape
from inference.library.starter import find_starter_file
from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig
from inference.runner.messages import TokenPrompt
from tests.inference.runner.asking import ask, submit

ROOT = Path(__file__).parents[3]
#: What a runner is before it loads a model.
_EMPTY = """
import inference.runner.__main__, psutil
from inference.runner.llama import backend
backend.start_backend()
print(psutil.Process().memory_info().rss)
"""

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def empty_bytes() -> int:
    return int(subprocess.check_output([sys.executable, "-c", _EMPTY], cwd=ROOT))


@pytest.mark.parametrize(("num_ctx", "num_slots"), [(1024, 1), (4096, 4), (8192, 4)])
async def test_estimate_is_within_15_percent_of_what_a_runner_grows(
    tmp_path: Path, empty_bytes: int, num_ctx: int, num_slots: int
) -> None:
    path = find_starter_file()
    assert path is not None
    config = RunnerConfig(
        model_path=str(path), socket_path=str(tmp_path / "r.sock"), num_ctx=num_ctx, num_slots=num_slots, num_threads=1
    )
    runner = await RunnerClient.start(config, timeout=60)
    try:
        # A full batch touches all the buffers; the KV cache was written when it was made.
        await ask(runner, submit("r", TokenPrompt([100] * 520), max_tokens=2))
        grown = psutil.Process(runner.pid).memory_info().rss - empty_bytes
    finally:
        await runner.close()

    footprint = estimate(read_shape(read_metadata(path)), num_ctx=num_ctx, num_slots=num_slots)

    assert footprint.total - footprint.process == pytest.approx(grown, rel=0.15)
    # What an empty runner takes is counted too, and not at half.
    assert footprint.process == pytest.approx(empty_bytes, rel=0.5)
