from contextlib import aclosing
from pathlib import Path

import pytest

from inference.api.runtime import Runtime
from inference.benchmark.results import BenchResult
from inference.errors import InvalidRequest, ModelNotFound
from inference.library.progress import Progress
from inference.library.quantize import quantize
from tests.inference.benchmark.conftest import install


async def bench(runtime: Runtime, name: str) -> tuple[list[str], BenchResult]:
    steps = [step async for step in runtime.bencher.bench(name)]
    (result,) = [step for step in steps if isinstance(step, BenchResult)]
    return [step.status for step in steps if isinstance(step, Progress)], result


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("", InvalidRequest, "model is required"),
        ("../x:y:z", InvalidRequest, "invalid model name"),
        ("absent", ModelNotFound, "model 'absent' not found"),
        ("rank", InvalidRequest, "rerank model"),
    ],
)
async def test_model_that_cannot_be_measured(runtime: Runtime, name: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        await bench(runtime, name)
    assert runtime.benchmarks.all() == []


async def test_model_that_writes_text(runtime: Runtime) -> None:
    statuses, result = await bench(runtime, "tiny")
    assert statuses[0] == "loading tiny:latest"
    assert statuses[1:] == [f"measuring tiny:latest ({number} of 3)" for number in (1, 2, 3)] + ["success"]
    assert result.prefill > 0 and result.decode is not None and result.decode > 0
    assert (result.repeats, result.quantization) == (3, "F32")
    assert 0 < result.generated_tokens <= 128 and 0 < result.prompt_tokens <= 512
    assert result.prompt_tokens + result.generated_tokens <= 256
    assert result.memory_bytes > 10**6
    assert result.ratio is not None and result.ratio > 0
    assert runtime.benchmarks.all() == [result]


async def test_measured_model_is_estimated_by_what_was_measured(runtime: Runtime) -> None:
    before = await runtime.estimator.of_name("tiny")
    _, result = await bench(runtime, "tiny")
    after = await runtime.estimator.of_name("tiny")
    assert (before.is_measured, after.is_measured) == (False, True)
    assert after.tokens_per_second == result.decode


async def test_model_that_gives_vectors(runtime: Runtime) -> None:
    _, result = await bench(runtime, "vectors")
    assert result.prefill > 0
    assert (result.decode, result.ratio, result.generated_tokens) == (None, None, 0)


async def test_nothing_that_was_computed_is_kept(runtime: Runtime) -> None:
    await bench(runtime, "tiny")
    await runtime.close()
    assert files_in(runtime.settings.kv_dir) == []


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_closing_ends_the_measurement(runtime: Runtime) -> None:
    async with aclosing(runtime.bencher.bench("tiny")) as steps:
        async for step in steps:
            if isinstance(step, Progress) and step.status.startswith("measuring"):
                break
    # Nothing of it holds up the next one.
    await bench(runtime, "tiny")
    assert len(runtime.benchmarks.all()) == 1


async def test_results_are_of_the_weights_and_survive(runtime: Runtime, tmp_path: Path) -> None:
    from inference.benchmark.results import Benchmarks

    _, first = await bench(runtime, "tiny")
    async for _ in quantize(tmp_path / "llama.gguf", tmp_path / "q8.gguf", "q8_0"):
        pass
    install(runtime.library, "tiny", tmp_path / "q8.gguf")
    assert (await runtime.estimator.of_name("tiny")).is_measured is False
    _, second = await bench(runtime, "tiny")
    kept = Benchmarks(runtime.settings.data_dir).all()
    assert kept == [second, first]
    assert first.digest != second.digest
