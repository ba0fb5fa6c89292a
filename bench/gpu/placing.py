"""Which layers are on the GPU, what memory they take of it, and what happens where there is not enough."""

import asyncio
import functools
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from bench.gpu.card import MIB, card, settled_free, settled_use
from bench.gpu.checks import CLOSE, NOTHING_KEPT, Box, apart, check
from bench.gpu.memory import Case, planned, take
from bench.gpu.service import ROOT, service, story
from inference.errors import LoadLacksMemory
from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig
from inference.runner.llama.blank_model import BlankModel, write_blank_model

_WITHIN = 0.15
GIB = 1024**3


@check
def devices(box: Box) -> str:
    found = card()
    with service(box.models) as running:
        machine = running.get("/api/hearth/machine")
    (gpu,) = machine["gpus"]
    assert gpu["description"] == found.name, gpu
    assert math.isclose(gpu["total"], found.total, rel_tol=0.03), (gpu, found)
    assert 0 <= found.total - found.used - gpu["free"] < 1.5 * GIB, (gpu, found)
    context = (found.total - found.used - gpu["free"]) / MIB
    told = f"{gpu['name']} {gpu['description']}, driver {found.driver}, {found.total / MIB:.0f} MiB"
    return f"{told}; free is {context:.0f} MiB below the driver's"


@check
def whole_model_by_default(box: Box) -> str:
    before = settled_use()
    with service(box.models) as running:
        started = time.perf_counter()
        first = running.generate("model", "Once upon a time", 1)
        seconds = time.perf_counter() - started
        (loaded,) = running.loaded()
        grown = card().used - before
        environment = {**os.environ, "OLLAMA_HOST": running.url}
        table = subprocess.check_output([sys.executable, "-m", "inference.cli", "ps"], cwd=ROOT, env=environment, text=True)
        metric = running.metric("hearth_runner_memory_bytes")
    assert loaded["size"] == loaded["size_vram"] > box.weights, loaded
    assert "100% GPU" in table, table
    assert 0 < grown - loaded["size_vram"] < 1.5 * GIB, (grown, loaded)
    assert metric[0] >= loaded["size_vram"], metric
    told = f"size_vram {loaded['size_vram'] / MIB:.0f} MiB, the driver's figure grew by {grown / MIB:.0f} MiB"
    return (
        f"{told}, runner's memory in all {metric[0] / MIB:.0f} MiB; first answer after {seconds:.2f} s, load {first.load:.2f} s"
    )


@check
def estimates(box: Box) -> str:
    context = _context_bytes()
    empty = take(box.models / "small.gguf", Case(num_ctx=256, num_slots=1))
    cases = [
        Case(num_ctx=1024, num_slots=1), Case(), Case(num_ctx=16_384), Case(num_ctx=16_384, kv_cache_type="q8_0"),
        Case(flash_attention="off"), Case(num_gpu_layers=10),
    ]  # fmt: skip
    lines, wrong = [f"a process that has loaded nothing: {context / MIB:.0f} MiB; small: {empty}"], []
    for case in cases:
        taken = take(box.model, case)
        lines.append(f"{case}: {taken}")
        # What a process takes before it loads anything, Hearth does not count as free.
        if not math.isclose(taken.planned, taken.device - context, rel_tol=_WITHIN):
            wrong.append(f"{taken.planned / max(taken.device - context, 1):.2f} of the driver's figure, {case}")
    print("\n".join(lines), flush=True)
    assert not wrong, "; ".join(wrong)
    return "; ".join(lines)


@check
def layers_asked_for(box: Box) -> str:
    before = settled_use()
    told = []
    with service(box.models, **NOTHING_KEPT) as running:
        on_gpu = running.generate("model", story(300), 8)
        for count in (0, 10, 999):
            answer = running.generate("model", story(300), 8, num_gpu=count)
            (loaded,) = running.loaded()
            grown = settled_use() - before
            told.append(f"{count}: size_vram {loaded['size_vram'] / MIB:.0f}, grown {grown / MIB:.0f} MiB")
            assert apart(on_gpu, answer) < CLOSE, (count, on_gpu.top, answer.top)
            if count == 0:
                assert loaded["size_vram"] == 0 and loaded["size"] > 0, loaded
                assert grown < 64 * MIB, grown
            else:
                expected = planned(box.model, Case(num_gpu_layers=count if count < 29 else -1)).device_bytes
                assert math.isclose(loaded["size_vram"], expected, rel_tol=_WITHIN), (count, loaded, expected)
                assert (loaded["size_vram"] == loaded["size"]) == (count == 999), loaded
    return "; ".join(told)


@check
def part_of_the_model(box: Box) -> str:
    """As many layers as there is room for."""
    free = box.weights * 6 // 10
    before = settled_use()
    with service(box.models, **NOTHING_KEPT, **_overhead(free)) as running:
        answer = running.generate("model", story(300), 32)
        (loaded,) = running.loaded()
        grown = card().used - before
        whole = running.generate("model", story(300), 8, num_gpu=0)
    assert 0.6 * free < loaded["size_vram"] < free, (loaded, free)
    assert loaded["size"] > loaded["size_vram"], loaded
    assert apart(answer, whole) < CLOSE, (answer.top, whole.top)
    told = f"{loaded['size_vram'] / MIB:.0f} MiB of {free / MIB:.0f}, the driver's figure grew by {grown / MIB:.0f}"
    return f"{told}; {answer.decode_rate:.1f} tokens/s"


@check
def model_that_leaves_for_another(box: Box) -> str:
    """Where the GPU holds one of the two; the small one beside it does not drive it out."""
    free = round(box.weights * 1.35)
    with service(box.models, OLLAMA_NUM_PARALLEL="1", **_overhead(free)) as running:
        running.generate("model", "Once", 4)
        started = time.perf_counter()
        running.generate("other", "Once", 4)
        seconds = time.perf_counter() - started
        after = {model["name"]: (model["size_vram"], model["size"]) for model in running.loaded()}
        running.generate("small", "Once", 4)
        beside = {model["name"]: (model["size_vram"], model["size"]) for model in running.loaded()}
        running.generate("model", "Once", 4)
        back = {model["name"] for model in running.loaded()}
    assert list(after) == ["other:latest"] and after["other:latest"][0] == after["other:latest"][1], after
    assert set(beside) == {"other:latest", "small:latest"}, beside
    assert "model:latest" in back and "other:latest" not in back, back
    return f"another is there after {seconds:.2f} s; {after}, {beside}, {sorted(back)}"


@check
def models_side_by_side(box: Box) -> str:
    with service(box.models) as running:
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda name: running.generate(name, "Once upon a time", 64), ("model", "other")))
        loaded = {model["name"]: (model["size_vram"], model["size"]) for model in running.loaded()}
    assert set(loaded) == {"model:latest", "other:latest"}, loaded
    assert all(vram == size for vram, size in loaded.values()), loaded
    return f"{loaded}, {[round(answer.decode_rate) for answer in answers]} tokens/s"


@check
def larger_than_the_machine(box: Box) -> str:
    """Refused with both figures, and what is loaded stays."""
    room = psutil.virtual_memory().total + card().total
    shape = BlankModel(num_embd=8192, num_ff=28_672, num_heads=64).with_layers_for(round(1.2 * room), "Q8_0")
    path = box.models / "huge.gguf"
    write_blank_model(path, shape, "Q8_0")
    try:
        with service(box.models) as running:
            running.generate("model", "Once", 4)
            response = running.post("/api/generate", {"model": "huge", "prompt": "x"})
            names = [model["name"] for model in running.loaded()]
    finally:
        path.unlink()
    assert response.status_code >= 400 and "needs" in response.text and "are free" in response.text, response.text
    assert names == ["model:latest"], names
    return f"{response.status_code} {response.json()['error']}"


@check
def gpu_without_room(box: Box) -> str:
    """Another program has taken nearly everything: the runner says that memory is lacking, the service goes on on the host."""
    hog = subprocess.Popen([sys.executable, "-c", _HOG, str(box.weights // 2)], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    try:
        assert hog.stdout is not None and hog.stdout.readline() == b"held\n"
        refusal = asyncio.run(_load(box.model))
        with service(box.models) as running:
            running.generate("model", "Once", 4)
            (loaded,) = running.loaded()
    finally:
        hog.kill()
        hog.wait()
    assert isinstance(refusal, LoadLacksMemory), refusal
    return f"{refusal}; size_vram {loaded['size_vram'] / MIB:.0f} MiB"


@check
def runner_that_is_killed(box: Box) -> str:
    before = settled_use()
    with service(box.models) as running:
        running.generate("model", "Once", 4)
        (runner,) = [
            child
            for child in psutil.Process(running.process.pid).children(recursive=True)
            if "runner" in " ".join(child.cmdline())
        ]
        os.kill(runner.pid, signal.SIGKILL)
        runner.wait(10)
        left = settled_use() - before
        answer = running.generate("model", "Once", 4)
    after = settled_use() - before
    assert left < 64 * MIB and after < 64 * MIB, (left, after)
    return f"{left / MIB:.0f} MiB stay, the next answer comes after {answer.wall:.2f} s"


def _context_bytes() -> int:
    """What a process takes of the GPU before it has loaded anything."""
    free = settled_free()
    (device,) = json.loads(subprocess.check_output([sys.executable, "-m", "inference.runner.devices"], cwd=ROOT))
    return free - int(device["free"])


def _overhead(free: int) -> dict[str, str]:
    """Leaves so many bytes of the GPU to Hearth."""
    return {"OLLAMA_GPU_OVERHEAD": str(_free() - free)}


@functools.cache
def _free() -> int:
    with tempfile.TemporaryDirectory() as empty, service(Path(empty)) as running:
        (gpu,) = running.get("/api/hearth/machine")["gpus"]
    return int(gpu["free"])


#: Takes all of the GPU but so many bytes.
_HOG = """
import sys, torch
free = torch.cuda.mem_get_info()[0]
held = torch.empty(free - int(sys.argv[1]), dtype=torch.uint8, device="cuda")
print("held", flush=True)
sys.stdin.read()
"""


async def _load(path: Path) -> Exception | None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            runner = await RunnerClient.start(RunnerConfig(model_path=str(path), socket_path=f"{folder}/r.sock"), timeout=120)
        except Exception as error:
            return error
        await runner.close()
        return None
