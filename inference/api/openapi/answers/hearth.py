"""Of the endpoints that Hearth adds."""

from typing import Any

from msgspec import Struct

from inference.api.openapi.answers.ollama import OllamaError
from inference.benchmark.results import BenchResult
from inference.catalogue.catalogue import Size
from inference.estimate.estimator import Estimate
from inference.jobs.job import Job


class Jobs(Struct):
    """The newest first."""

    jobs: list[Job]


class Upload(Struct):
    """`offset` is the number of bytes that are there: where to go on."""

    id: str
    name: str
    size: int
    offset: int
    digest: str
    created_at: str


class UploadList(Struct):
    uploads: list[Upload]


class WrongOffset(OllamaError):
    offset: int


class ServerFile(Struct):
    name: str
    size: int
    num_files: int
    modified_at: str
    role: str
    model: str
    error: str
    details: dict[str, Any]


class ServerFiles(Struct):
    files: list[ServerFile]


class DamagedModel(Struct):
    name: str
    reason: str


class DamagedModels(Struct):
    models: list[DamagedModel]


class Machine(Struct):
    """Bytes, and bytes a second; null where unknown."""

    machine: str
    cores: int
    memory_total: int | None
    memory_free: int | None
    disk_total: int
    disk_free: int
    gpus: list[dict[str, Any]]
    bandwidth: int | None
    rates: dict[str, int]


class KnownSize(Size, frozen=True, kw_only=True):
    installed: bool
    estimate: Estimate


class KnownFamily(Struct):
    family: str
    title: str
    vendor: str
    summary: str
    good_for: str
    license: str
    languages: list[str]
    capabilities: list[str]
    context: int
    sizes: list[KnownSize]


class Catalogue(Struct):
    language: str
    families: list[KnownFamily]


class Benchmark(BenchResult, frozen=True, kw_only=True):
    is_here: bool


class Benchmarks(Struct):
    benchmarks: list[Benchmark]


class Registry(Struct):
    registry: str
    username: str
    insecure: bool


class Registries(Struct):
    """`key` is the public key by which registries may know this server."""

    registries: list[Registry]
    key: str
