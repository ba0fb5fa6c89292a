"""What a runner takes of GPU and host, against what was foretold."""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.gpu.card import MIB, card, settled_use
from inference.library.footprint import CacheOptions, estimate
from inference.library.gguf import read_metadata
from inference.library.shape import read_shape
from inference.runner.client import RunnerClient
from inference.runner.config import FlashAttention, KvCacheType, RunnerConfig
from inference.runner.messages import SamplingParams, Submit, TokenPrompt
from inference.scheduler.placement import ALL_LAYERS, GpuOptions, Plan, Room, place

_PLENTY = 2**50


@dataclass(frozen=True, kw_only=True)
class Case:
    num_ctx: int = 4096
    num_slots: int = 4
    kv_cache_type: KvCacheType = "f16"
    flash_attention: FlashAttention = "auto"
    num_gpu_layers: int = ALL_LAYERS


@dataclass(frozen=True)
class Taken:
    """Bytes. `buffers` is what llama.cpp says, `device` what the driver says was taken since before the process began."""

    planned: int
    buffers: int
    device: int
    planned_host: int
    host: int

    def __str__(self) -> str:
        figures = {
            "planned": self.planned, "buffers": self.buffers, "device": self.device, "planned host": self.planned_host,
            "host": self.host,
        }  # fmt: skip
        return ", ".join(f"{name} {value / MIB:.0f}" for name, value in figures.items()) + " MiB"


def take(path: Path, case: Case) -> Taken:
    """With every slot and every buffer used once."""
    return asyncio.run(_take(path, case))


async def _take(path: Path, case: Case) -> Taken:
    before = settled_use()
    with tempfile.TemporaryDirectory() as folder:
        config = RunnerConfig(
            model_path=str(path), socket_path=f"{folder}/r.sock", num_ctx=case.num_ctx, num_slots=case.num_slots,
            kv_cache_type=case.kv_cache_type, flash_attention=case.flash_attention, num_gpu_layers=case.num_gpu_layers,
        )  # fmt: skip
        runner = await RunnerClient.start(config, timeout=120)
        try:
            # Long prompts that differ: each fills batches, and all together fill the slots.
            await asyncio.gather(*(_ask(runner, index, case.num_ctx) for index in range(case.num_slots)))
            device = card().used - before
            host = psutil.Process(runner.pid).memory_info().rss
            buffers = runner.ready.device_bytes or 0
        finally:
            await runner.close()
    plan = planned(path, case)
    return Taken(plan.device_bytes, buffers, device, plan.host_bytes, host)


def planned(path: Path, case: Case) -> Plan:
    shape = read_shape(read_metadata(path))
    cache = CacheOptions(cache_type=case.kv_cache_type, flash_attention=case.flash_attention != "off")
    footprint = estimate(shape, num_ctx=case.num_ctx, num_slots=case.num_slots, cache=cache)
    num_layers = None if case.num_gpu_layers == ALL_LAYERS else case.num_gpu_layers
    return place(footprint, shape, case.num_slots, Room(_PLENTY, (_PLENTY,)), GpuOptions(num_layers=num_layers))


async def _ask(runner: RunnerClient, index: int, num_ctx: int) -> None:
    tokens = [100 + (index * 7919 + position * 31) % 40_000 for position in range(min(1500, num_ctx - 32))]
    sampling = SamplingParams(temperature=0, ignore_eos=True)
    submit = Submit(request_id=str(index), prompt=TokenPrompt(tokens), sampling=sampling, max_tokens=8, loop_guard=False)
    async for _ in runner.submit(submit):
        pass
