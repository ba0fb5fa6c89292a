from contextlib import aclosing
from pathlib import Path

import pytest

from inference.api.runtime import Runtime
from inference.benchmark import optimise
from inference.benchmark.optimise import Optimised, fast_name
from inference.errors import InvalidRequest, ModelNotFound
from inference.library.names import parse_name
from inference.library.progress import Progress
from tests.inference.benchmark.test_jobs import run_job


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def names_in(runtime: Runtime) -> set[str]:
    return {model.name.shortest for model in runtime.library.list_models()}


async def run(runtime: Runtime, name: str, destination: str = "", **options: float) -> tuple[list[str], Optimised]:
    steps = [step async for step in runtime.optimiser.optimise(name, destination, **options)]
    (result,) = [step for step in steps if isinstance(step, Optimised)]
    return [step.status for step in steps if isinstance(step, Progress)], result


@pytest.fixture
def anything_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    """How fast models of a few thousand weights are is chance: let each be faster."""
    monkeypatch.setattr(optimise, "LEAST_GAIN", 0.0)
    monkeypatch.setattr(optimise, "_LEAST_DECODE", 0.0)


@pytest.fixture
def nothing_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optimise, "LEAST_GAIN", 1000.0)


@pytest.mark.parametrize(
    ("name", "destination", "kind", "message"),
    [
        ("", "", InvalidRequest, "model is required"),
        ("absent", "", ModelNotFound, "model 'absent' not found"),
        ("tiny", "a b", InvalidRequest, "invalid destination name"),
        ("tiny", "TINY:latest", InvalidRequest, "must have another name"),
        ("tiny", "Vectors", InvalidRequest, "exists already: choose another name"),
        ("vectors", "", InvalidRequest, "writes no text"),
        ("rank", "", InvalidRequest, "rerank model"),
    ],
)
async def test_model_that_cannot_be_optimised(
    runtime: Runtime, name: str, destination: str, kind: type[Exception], message: str
) -> None:
    before = names_in(runtime)
    with pytest.raises(kind, match=message):
        await run(runtime, name, destination)
    assert names_in(runtime) == before


@pytest.mark.usefixtures("anything_goes")
async def test_faster_model_is_written_beside_the_original(runtime: Runtime) -> None:
    original = runtime.library.find(parse_name("tiny"), asked="tiny")
    statuses, result = await run(runtime, "tiny", most_perplexity=1.5)
    assert (result.source, result.model, result.reason) == ("tiny:latest", "tiny:latest-fast", "")
    assert result.after is not None and result.after in result.tried
    assert result.before.perplexity is not None and result.after.perplexity is not None
    assert result.after.perplexity <= 1.5 * result.before.perplexity
    assert result.before.quantization == "F32" and result.after.quantization in ("Q4_0", "IQ4_NL", "Q8_0")
    assert result.after.size < result.before.size
    assert statuses[-2:] == ["writing tiny:latest-fast", "success"]
    assert runtime.library.find(parse_name("tiny"), asked="tiny") == original
    assert files_in(runtime.settings.data_dir / "optimise") == []


@pytest.mark.usefixtures("anything_goes")
async def test_new_model_has_everything_else_of_the_original(runtime: Runtime) -> None:
    _, result = await run(runtime, "tiny", "Quick:1", most_perplexity=1.5)
    assert result.model == "Quick:1"
    written = runtime.library.find(parse_name("quick:1"), asked="quick:1")
    original = runtime.library.find(parse_name("tiny"), asked="tiny")
    for kind in ("system", "license"):
        assert written.manifest.first(kind) == original.manifest.first(kind) is not None
    assert written.manifest.first("model") != original.manifest.first("model")
    assert written.config.file_type == result.after.quantization  # type: ignore[union-attr]
    assert written.config.requires == original.config.requires == "0.1.0"
    assert (await runtime.estimator.of_name("quick:1")).is_measured


@pytest.mark.usefixtures("anything_goes")
async def test_optimised_model_can_be_made_anew(runtime: Runtime) -> None:
    for _ in range(2):
        _, result = await run(runtime, "tiny", most_perplexity=1.5)
        assert result.model == "tiny:latest-fast"


@pytest.mark.usefixtures("nothing_goes")
async def test_nothing_is_written_when_nothing_is_faster(runtime: Runtime) -> None:
    before = names_in(runtime)
    _, result = await run(runtime, "tiny")
    assert result.model is None and "Nothing that was tried is faster" in result.reason
    assert [figures.quantization for figures in result.tried] == ["Q4_0", "IQ4_NL", "Q8_0"]
    assert all(figures.perplexity is None for figures in result.tried)
    assert names_in(runtime) == before


@pytest.mark.usefixtures("anything_goes")
async def test_nothing_is_written_when_quality_suffers(runtime: Runtime) -> None:
    before = names_in(runtime)
    _, result = await run(runtime, "tiny", most_perplexity=0.5)
    assert result.model is None and "perplexity grows from" in result.reason
    assert names_in(runtime) == before
    assert files_in(runtime.settings.data_dir / "optimise") == []


async def test_closing_leaves_nothing(runtime: Runtime) -> None:
    before = names_in(runtime)
    async with aclosing(runtime.optimiser.optimise("tiny")) as steps:
        async for step in steps:
            if isinstance(step, Progress) and "as Q4_0" in step.status:
                break
    assert files_in(runtime.settings.data_dir / "optimise") == []
    assert names_in(runtime) == before


@pytest.mark.usefixtures("anything_goes")
async def test_optimise_as_a_job(runtime: Runtime) -> None:
    job = await run_job(runtime, "optimise", model="tiny", perplexity_limit=1.5)
    assert (job.status, job.model) == ("succeeded", "tiny"), job.error
    assert job.result is not None and job.result["model"] == "tiny:latest-fast"
    assert {"prefill", "decode", "perplexity", "size"} <= set(job.result["before"]) & set(job.result["after"])


@pytest.mark.parametrize(
    "fields", [{"model": ""}, {"model": "tiny", "destination": "a b"}, {"model": "tiny", "perplexity_limit": 0.5}]
)
async def test_bad_job_is_refused_at_once(runtime: Runtime, fields: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        await run_job(runtime, "optimise", **fields)
    assert runtime.jobs.list_jobs() == []


def test_name_of_the_new_model_is_a_name() -> None:
    assert fast_name(parse_name("smollm2:135m")).shortest == "smollm2:135m-fast"
    long = fast_name(parse_name(f"host/some/model:{'t' * 80}"))
    assert parse_name(str(long)) == long
