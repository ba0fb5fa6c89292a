"""Starts the runner of a model, the way the settings and the memory want it."""

import itertools
import logging
import time

from inference.errors import InferenceError, ModelLoadFailed
from inference.metrics import Metrics
from inference.runner.config import LoraAdapter, RunnerConfig
from inference.scheduler.loaded import LoadedModel, Runner, StartRunner
from inference.scheduler.plan import DEFAULT_BATCH
from inference.settings import Settings

LONGEST_LOAD_S = 30 * 86400.0

logger = logging.getLogger(__name__)


class Loader:
    def __init__(self, settings: Settings, start_runner: StartRunner, metrics: Metrics) -> None:
        self._settings = settings
        self._start_runner = start_runner
        self._metrics = metrics
        self._numbers = itertools.count(1)

    async def load(self, model: LoadedModel) -> Runner:
        """Raises an `InferenceError`, nearly always `ModelLoadFailed`, with the cause."""
        started = time.monotonic()
        metrics = self._metrics.of(model.model.name.shortest)
        try:
            runner = await self._start_runner(
                self._config(model),
                on_progress=lambda fraction: _report(model, fraction),
                timeout=min(self._settings.load_timeout, LONGEST_LOAD_S),
            )
        except InferenceError:
            metrics.load_failures += 1
            raise
        except Exception as error:
            logger.exception("Starting a runner failed.")
            metrics.load_failures += 1
            raise ModelLoadFailed("The model runner could not be started; the log says why.") from error
        seconds = time.monotonic() - started
        metrics.load_seconds.observe(seconds)
        logger.info("Loaded %s in %.1f s.", model.model.name.shortest, seconds)
        return runner

    def _config(self, model: LoadedModel) -> RunnerConfig:
        assert model.plan is not None, "a model is planned before it is loaded"
        settings, options = self._settings, model.load_options
        return RunnerConfig(
            model_path=str(model.model.model_path),
            projector_path=str(model.model.projector_path or ""),
            adapters=[LoraAdapter(str(path)) for path in model.model.adapter_paths],
            socket_path=str(settings.run_dir / f"r{next(self._numbers)}.sock"),
            num_ctx=model.num_ctx,
            num_slots=model.plan.num_slots,
            num_batch=options.num_batch or DEFAULT_BATCH,
            num_threads=options.num_thread or 0,
            num_gpu_layers=model.plan.num_gpu_layers,
            main_gpu=model.plan.single_gpu or 0,
            uses_all_gpus=model.plan.single_gpu is None,
            use_mmap=options.use_mmap is not False,
            use_mlock=bool(options.use_mlock),
            rope_frequency_base=options.rope_frequency_base or 0.0,
            rope_frequency_scale=options.rope_frequency_scale or 0.0,
            max_gap_ms=settings.max_gap_ms,
            kv_dir=str(settings.kv_dir),
            kv_cache_max_bytes=settings.kv_cache_max,
            model_digest=weights.digest if (weights := model.model.manifest.first("model")) else "",
            flash_attention=settings.flash_attention,
            kv_cache_type=settings.kv_cache_type,
        )


def _report(model: LoadedModel, fraction: float) -> None:
    model.loaded_fraction = fraction
    model.report_waiting()
