"""What the engine asks of a model, answered by llama.cpp."""

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from inference.errors import ModelLoadFailed
from inference.runner.config import RunnerConfig
from inference.runner.llama import backend
from inference.runner.llama.adapters import Adapters
from inference.runner.llama.candidates import Candidates, logits_of, logprob_of
from inference.runner.llama.context import LlamaContext
from inference.runner.llama.devices import device_names
from inference.runner.llama.model import LlamaModel
from inference.runner.llama.sampler import AnyConstraint, SamplerChain
from inference.runner.messages import RunnerReady, SamplingParams, TokenLogprob

if TYPE_CHECKING:
    from inference.runner.llama.projector import ImageChunk, Projector


#: Tokens, where a part of the layers computes on the host: so many are a prompt for llama.cpp, and soon done.
_SHORT_WARM_UP = 33


class LlamaModelRunner:
    """Implements `inference.runner.engine.model_runner.ModelRunner`. Close it once."""

    def __init__(self, config: RunnerConfig, *, on_progress: Callable[[float], None] | None = None) -> None:
        """Raises `ModelLoadFailed` with the cause in one sentence."""
        started_ns = time.monotonic_ns()
        backend.start_backend()
        self.model = LlamaModel(
            Path(config.model_path),
            num_gpu_layers=config.num_gpu_layers,
            main_gpu=config.main_gpu,
            uses_all_gpus=config.uses_all_gpus,
            use_mmap=config.use_mmap,
            use_mlock=config.use_mlock,
            on_progress=on_progress,
        )
        num_ctx = min(config.num_ctx, self.model.num_ctx_train or config.num_ctx)
        with contextlib.ExitStack() as opened:
            opened.callback(self.model.close)
            self.adapters = Adapters(self.model.handle, config.adapters)
            self._context = LlamaContext(self.model, config, num_ctx=num_ctx)
            opened.callback(self._context.close)
            self.adapters.give_to(self._context.handle)
            if backend.buffers.of(device_names()):
                self._context.warm_up(_SHORT_WARM_UP if config.num_gpu_layers >= 0 else self._context.num_batch)
            #: What sees images; None for a model that sees none.
            self.projector = _open_projector(self.model, config, self._context.num_batch) if config.projector_path else None
            opened.pop_all()
        self.vocabulary = self.model.vocabulary
        self.num_slots = config.num_slots
        self.num_ctx = self._context.num_ctx
        self.num_batch = self._context.num_batch
        self.decode = self._context.decode
        self.trim = self._context.trim
        self.shift = self._context.shift
        self.copy = self._context.states.copy
        self.saved_size = self._context.states.saved_size
        self.save = self._context.states.save
        self.restore = self._context.states.restore
        self.can_trim = not self.model.is_recurrent
        #: A state that is taken out of the KV cache lacks what a sliding window has passed.
        self.can_cut_saved = self.can_trim and not self._context.has_window
        self.piece = self.vocabulary.piece
        self._candidates: Candidates | None = None
        self._load_duration_ns = time.monotonic_ns() - started_ns

    def decode_media(self, seq_id: int, position: int, media: "ImageChunk") -> None:
        """Raises `DecodeFailed`. Nothing else is computed until the image is: it would take the same cores."""
        assert self.projector is not None, "without one, no request has images"
        self.projector.decode(self._context.handle, media, seq_id, position)
        self._context.states.note_decoded()

    def is_end(self, token: int) -> bool:
        """-1, which is no token, is what is drawn when nothing may follow."""
        return token < 0 or token in self.vocabulary.end_tokens

    def new_sampler(
        self, params: SamplingParams, prompt_tokens: Sequence[int], constraint: AnyConstraint | None = None
    ) -> SamplerChain:
        return SamplerChain(params, self.vocabulary, num_ctx=self.num_ctx, prompt_tokens=prompt_tokens, constraint=constraint)

    def sample(self, sampler: SamplerChain, row: int) -> int:
        """Draws a token from the logits of a row of the last batch. Raises `SamplingFailed`."""
        if self._candidates is None:
            self._candidates = Candidates(self.vocabulary.num_tokens)
        if sampler.constraint is None:
            return sampler.draw(self._candidates, self._context.handle, row)
        return sampler.constraint.draw(sampler, self._candidates, self._context.handle, row)

    def is_cut_short(self, sampler: SamplerChain, cut: str) -> bool:
        """Whether what was asked for is not whole without `cut`, the end of what was drawn."""
        if sampler.constraint is None or self._candidates is None:
            return False
        return sampler.constraint.is_cut_short(cut, self._candidates)

    def logprob(self, row: int, token: int, num_top: int) -> TokenLogprob:
        """How likely a token was at a row of the last batch, before any sampling parameter."""
        logits = logits_of(self._context.handle, row, self.vocabulary.num_tokens)
        logprob, top = logprob_of(logits, token, num_top)
        written = self.vocabulary.written_piece
        return TokenLogprob(self.piece(token), logprob, [(written(other), value) for other, value in top])

    def describe(self) -> RunnerReady:
        return RunnerReady(
            num_ctx=self.num_ctx,
            num_slots=self.num_slots,
            num_ctx_train=self.model.num_ctx_train,
            model_bytes=self.model.num_bytes,
            load_duration_ns=self._load_duration_ns,
            has_chat_template=self.model.chat_template is not None,
            device_bytes=backend.buffers.of(device_names()),
        )

    def close(self) -> None:
        if self.projector is not None:
            self.projector.close()
        self._context.close()
        self.model.close()
        backend.stop_backend()


def _open_projector(model: LlamaModel, config: RunnerConfig, num_batch: int) -> "Projector":
    try:
        # Here and not above: the library takes memory and time that models without images need not pay.
        from inference.runner.llama.projector import Projector
    except (OSError, RuntimeError) as error:
        raise ModelLoadFailed(f"This build of llama.cpp cannot see images: {error}.") from error
    return Projector(model, config, num_batch=num_batch)
