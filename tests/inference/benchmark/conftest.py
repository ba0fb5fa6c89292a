import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from inference.api.runtime import Runtime
from inference.api.works import register_works
from inference.estimate.calibration import Calibrations
from inference.jobs import JobManager
from inference.library.gguf import read_metadata
from inference.library.models import Library
from inference.library.names import parse_name
from inference.library.writer import ModelWriter, gguf_config
from inference.runner.client import RunnerClient
from inference.scheduler import Scheduler
from inference.settings import read_settings
from tests.inference.tiny_models import write_bert, write_llama


def install(library: Library, name: str, weights: Path, **texts: str) -> str:
    """The model's digest."""
    writer = ModelWriter(library)
    writer.add_file(weights, "model")
    for kind, text in texts.items():
        writer.add_text(text, kind)
    return writer.write(parse_name(name), {**gguf_config(read_metadata(weights)), "requires": "0.1.0"})


def make_runtime(folder: Path, calibration: Path) -> Runtime:
    settings = read_settings({"HEARTH_DATA": str(folder / "data"), "OLLAMA_NUM_PARALLEL": "1"})
    settings.run_dir.mkdir(parents=True)
    shutil.copy(calibration, settings.data_dir)
    library = Library(settings.models_dir)
    install(library, "tiny", write_llama(folder / "llama.gguf", None, num_ctx=256), system="Be brief.", license="Free.")
    install(library, "vectors", write_bert(folder / "bert.gguf", "mean"))
    install(library, "rank", write_bert(folder / "rank.gguf", "rank"))
    runtime = Runtime(settings, library, Scheduler(settings, RunnerClient.start), JobManager(settings.data_dir / "jobs"))
    register_works(runtime)
    return runtime


@pytest.fixture(scope="package", autouse=True)
def one_core() -> Iterator[None]:
    """For us and every process we start. On a busy machine two threads of llama.cpp wait for each other at every operation."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(usable)})
    yield
    os.sched_setaffinity(0, usable)


@pytest.fixture(scope="package")
def calibration(one_core: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This machine's, measured once for all tests."""
    folder = tmp_path_factory.mktemp("calibration")
    (folder / "run").mkdir()
    assert asyncio.run(Calibrations(folder, list).measured()) is not None
    return folder / "machine.json"


@pytest.fixture
async def runtime(tmp_path: Path, calibration: Path) -> AsyncIterator[Runtime]:
    """With models of a few thousand weights and real runners."""
    runtime = make_runtime(tmp_path, calibration)
    await runtime.jobs.start()
    yield runtime
    await runtime.jobs.close()
    await runtime.close()
