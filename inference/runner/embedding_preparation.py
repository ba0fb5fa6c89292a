"""From an `Embed` or `Rerank` to a job for the embedder: tokens, bounds, pairs. Runs on a preparer thread."""

import time

from inference.errors import ContextLengthExceeded, InvalidRequest
from inference.runner.engine.embedder import EmbeddingJob
from inference.runner.llama.vocabulary import LONGEST_TOKEN, Vocabulary
from inference.runner.messages import Embed, Rerank, TextPrompt, TokenPrompt


class EmbeddingPreparation:
    def __init__(self, *, vocabulary: Vocabulary, num_ctx: int, is_reranker: bool, rerank_template: str | None) -> None:
        """`num_ctx` is the longest input. `rerank_template` has `{query}` and `{document}` in it; without one, pairs are
        laid out as the vocabulary asks."""
        self._vocabulary = vocabulary
        self._num_ctx = num_ctx
        self._is_reranker = is_reranker
        self._rerank_template = rerank_template

    def prepare(self, message: Embed | Rerank) -> EmbeddingJob:
        """Raises an `InferenceError`: `ContextLengthExceeded`, `InvalidRequest`."""
        arrived_ns = time.perf_counter_ns()
        if isinstance(message, Rerank) != self._is_reranker:
            ability = "rank documents" if isinstance(message, Rerank) else "make embeddings"
            raise InvalidRequest(f"This model does not {ability}.")
        inputs = self._pairs(message) if isinstance(message, Rerank) else self._inputs(message)
        if not inputs:
            raise InvalidRequest("There is nothing to compute: the list is empty.")
        return EmbeddingJob(message.request_id, inputs, arrived_ns)

    def _inputs(self, embed: Embed) -> list[list[int]]:
        limit = self._num_ctx if embed.max_tokens is None else min(self._num_ctx, embed.max_tokens)
        inputs = [self._tokens_of(prompt, limit, truncate=embed.truncate) for prompt in embed.inputs]
        empty = next((index for index, tokens in enumerate(inputs) if not tokens), None)
        if empty is not None:
            raise InvalidRequest(f"input {empty} is empty: this model has no token for it")
        return inputs

    def _tokens_of(self, prompt: TextPrompt | TokenPrompt, limit: int, *, truncate: bool) -> list[int]:
        prefix: tuple[int, ...] = ()
        suffix: tuple[int, ...] = ()
        if isinstance(prompt, TextPrompt):
            prefix, suffix = self._vocabulary.frame
            tokens = self._text_tokens(prompt.text, limit, parse_special=prompt.parse_special)
        else:
            tokens = list(prompt.tokens)
            if not all(0 <= token < self._vocabulary.num_tokens for token in tokens):
                raise InvalidRequest("an input has a token that this model does not know")
        room = limit - len(prefix) - len(suffix)
        if len(tokens) > room:
            if not truncate:
                raise ContextLengthExceeded("the input length exceeds the context length")
            if room <= 0:
                raise ContextLengthExceeded("input after truncation exceeds maximum context length")
        return [*prefix, *tokens[:room], *suffix]

    def _text_tokens(self, text: str, limit: int, *, parse_special: bool) -> list[int]:
        # What follows could get into no token that is kept. One character more, so that a text that is too long is seen to be.
        return self._vocabulary.tokenize(text[: (limit + 1) * LONGEST_TOKEN], parse_special=parse_special)

    def _pairs(self, rerank: Rerank) -> list[list[int]]:
        if self._rerank_template is not None:
            return [self._templated_pair(self._rerank_template, rerank.query, document) for document in rerank.documents]
        query = self._text_tokens(rerank.query, self._num_ctx, parse_special=False)
        return [self._plain_pair(query, document) for document in rerank.documents]

    def _plain_pair(self, query: list[int], document: str) -> list[int]:
        before, between, after = self._vocabulary.pair_frame
        room = self._num_ctx - len(before) - len(query) - len(between) - len(after)
        if room <= 0:
            raise self._query_too_long()
        tokens = self._text_tokens(document, room, parse_special=False)
        return [*before, *query, *between, *tokens[:room], *after]

    def _templated_pair(self, template: str, query: str, document: str) -> list[int]:
        """Where it is too long, the document is shortened by what the whole has too much, until that is nothing."""
        document = document[: self._num_ctx * LONGEST_TOKEN]
        while True:
            # Both at once: a query that has "{document}" in it is text.
            before, _, after = template.partition("{document}")
            text = before.replace("{query}", query) + document + after.replace("{query}", query)
            tokens = self._vocabulary.tokenize(text, parse_special=True)
            excess = len(tokens) - self._num_ctx
            if excess <= 0:
                return tokens
            kept = self._vocabulary.tokenize(document, parse_special=False)[:-excess]
            if not kept:
                raise self._query_too_long()
            shorter = b"".join(map(self._vocabulary.piece, kept)).decode("utf-8", "ignore")
            document = shorter if len(shorter) < len(document) else document[:-1]

    def _query_too_long(self) -> ContextLengthExceeded:
        return ContextLengthExceeded(
            f"The query leaves no room for a document in this model's context of {self._num_ctx} tokens."
        )
