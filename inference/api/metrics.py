"""`GET /metrics`: what the runtime counts, for Prometheus. docs/metrics.md explains each name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from inference.api.runtime import runtime_of
from inference.metrics import Histogram, Metrics, ModelMetrics
from inference.scheduler import Scheduler

if TYPE_CHECKING:
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


async def metrics(request: Request) -> Response:
    # Imported at the first question: most houses never ask, and it would slow every start.
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
    from prometheus_client.registry import CollectorRegistry

    registry = CollectorRegistry()
    registry.register(_Collector(runtime_of(request).scheduler))
    return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})


class _Collector:
    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def collect(self) -> Iterator[Family]:
        yield _requests(self._scheduler.metrics)
        yield from _counters(self._scheduler.metrics)
        yield from _histograms(self._scheduler.metrics)
        yield from _gauges(self._scheduler)


def _requests(metrics: Metrics) -> Family:
    from prometheus_client.metrics_core import CounterMetricFamily

    family = CounterMetricFamily("hearth_http_requests", "HTTP requests, by path and status.", labels=["path", "status"])
    for (path, status), count in metrics.requests.items():
        family.add_metric([path, str(status)], count)
    return family


#: Name, explanation, further label, and what it is of one model, by that label ("" where there is none).
_Rows = Callable[[ModelMetrics], dict[str, float]]
_COUNTERS: tuple[tuple[str, str, str, _Rows], ...] = (
    ("answers", "Requests that a runner got, by how they ended.", "reason", lambda m: dict(m.outcomes)),
    (
        "prompt_tokens",
        "Tokens of prompts, by whether they were computed or taken from the cache.",
        "source",
        lambda m: {"computed": m.computed_tokens, "cache": m.cached_tokens},
    ),
    ("generated_tokens", "Tokens written.", "", lambda m: {"": m.generated_tokens}),
    (
        "model_loads",
        "Attempts to load the model, by how they went.",
        "result",
        lambda m: {"loaded": sum(m.load_seconds.counts), "failed": m.load_failures},
    ),
    ("model_unloads", "Times the model was unloaded, by reason; room is an eviction.", "reason", lambda m: dict(m.unloads)),
    ("runner_crashes", "Runners that ended by themselves or had to be ended.", "", lambda m: {"": m.crashes}),
)


def _counters(metrics: Metrics) -> Iterator[Family]:
    from prometheus_client.metrics_core import CounterMetricFamily

    for name, text, label, rows in _COUNTERS:
        family = CounterMetricFamily(f"hearth_{name}", text, labels=["model", *filter(None, [label])])
        for model, counts in metrics.models.items():
            for value, count in rows(counts).items():
                family.add_metric([model, *([value] if label else [])], count)
        yield family


_HISTOGRAMS: tuple[tuple[str, str, Callable[[ModelMetrics], Histogram]], ...] = (
    ("queue_seconds", "From a request's arrival until a runner got it, loading included.", lambda m: m.queue_seconds),
    ("first_token_seconds", "From a request's arrival to the first token of its answer.", lambda m: m.first_token_seconds),
    ("generated_tokens_per_second", "Speed of single answers after their first token.", lambda m: m.tokens_per_second),
    ("model_load_seconds", "Time to load the model.", lambda m: m.load_seconds),
)


def _histograms(metrics: Metrics) -> Iterator[Family]:
    from prometheus_client.metrics_core import HistogramMetricFamily

    for name, text, of in _HISTOGRAMS:
        family = HistogramMetricFamily(f"hearth_{name}", text, labels=["model"])
        for model, counts in metrics.models.items():
            family.add_metric([model], list(_buckets(of(counts))), of(counts).total)
        yield family


def _buckets(histogram: Histogram) -> Iterator[tuple[str, float]]:
    """Upper bounds with the number of values up to each: Prometheus' buckets contain one another."""
    sum_ = 0
    for bound, count in zip([*map(float, histogram.bounds), float("inf")], histogram.counts, strict=True):
        sum_ += count
        yield ("+Inf" if bound == float("inf") else str(bound)), sum_


def _gauges(scheduler: Scheduler) -> Iterator[Family]:
    from prometheus_client.metrics_core import GaugeMetricFamily

    loaded = scheduler.loaded()
    yield GaugeMetricFamily("hearth_waiting_requests", "Requests that wait for a model or a slot.", scheduler.num_waiting)
    yield GaugeMetricFamily("hearth_loaded_models", "Models that are loaded.", len(loaded))
    slots = GaugeMetricFamily("hearth_slots", "Requests the model can answer at the same time.", labels=["model"])
    busy = GaugeMetricFamily("hearth_slots_in_use", "Requests the model is answering.", labels=["model"])
    memory = GaugeMetricFamily("hearth_runner_memory_bytes", "Memory that the model's runner holds.", labels=["model"])
    for model in loaded:
        labels = [model.model.name.shortest]
        slots.add_metric(labels, model.num_slots)
        busy.add_metric(labels, model.num_busy_slots)
        memory.add_metric(labels, scheduler.memory_of(model))
    yield from (slots, busy, memory)
