from pathlib import Path

import pytest

from inference.runner.client import RunnerClient
from inference.runner.config import RunnerConfig
from inference.runner.llama.buffers import Buffers
from inference.runner.llama.devices import used_gpus

MIB = 1024**2

#: As llama.cpp writes them, with a GPU and without.
LINES = """\
load_tensors: offloaded 29/29 layers to GPU
load_tensors:   CPU_Mapped model buffer size =   102.00 MiB
load_tensors:        CUDA0 model buffer size =  1900.50 MiB
load_tensors:        CUDA1 model buffer size =   100.00 MiB
llama_context:  CUDA_Host  output buffer size =     0.75 MiB
llama_kv_cache:      CUDA0 KV buffer size =   448.00 MiB
llama_kv_cache:      CUDA0 KV buffer size =    52.00 MiB
sched_reserve:      CUDA0 compute buffer size =   304.00 MiB
sched_reserve:  CUDA_Host compute buffer size =    20.01 MiB
sched_reserve:      CUDA0 compute buffer size =   300.00 MiB
"""


def buffers(lines: str) -> Buffers:
    told = Buffers()
    for line in lines.splitlines():
        told.note(line)
    return told


def test_buffers_of_gpus_are_added_up_and_those_made_anew_count_once() -> None:
    assert buffers(LINES).of(["CUDA0", "CUDA1"]) == round((1900.5 + 100 + 448 + 52 + 300) * MIB)
    assert buffers(LINES).of(["CUDA1"]) == 100 * MIB
    assert buffers(LINES).of([]) == 0


def test_weights_that_a_gpu_sees_where_the_host_has_them_count() -> None:
    assert buffers("load_tensors: MTL0_Mapped model buffer size = 7.00 MiB").of(["MTL0"]) == 7 * MIB


def test_log_that_says_nothing_is_no_answer() -> None:
    assert buffers("load_tensors: loading model tensors, this can take a while...").of(["CUDA0"]) is None


def test_integrated_gpu_counts_only_where_there_is_no_card() -> None:
    assert used_gpus([(10, 0), (11, 2), (12, 1), (13, 1), (14, 3)]) == [12, 13]
    assert used_gpus([(10, 0), (11, 2)]) == [11]
    assert used_gpus([(10, 0)]) == []


@pytest.mark.model
async def test_runner_without_gpus_says_that_it_takes_nothing_of_them(config: RunnerConfig, tmp_path: Path) -> None:
    runner = await RunnerClient.start(config, timeout=60)
    try:
        assert runner.ready.device_bytes == 0
    finally:
        await runner.close()
