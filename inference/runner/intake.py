"""Which preparation a message needs. Runs on a preparer thread."""

from inference.errors import InvalidRequest
from inference.runner.embedding_preparation import EmbeddingPreparation
from inference.runner.engine.embedder import EmbeddingJob
from inference.runner.engine.request import Request
from inference.runner.messages import Embed, Rerank, Submit, Tokenize, Tokens
from inference.runner.preparation import Preparation
from inference.runner.token_preparation import TokenPreparation


class Intake:
    def __init__(self, generation: Preparation | None, embedding: EmbeddingPreparation, tokenization: TokenPreparation) -> None:
        """Without `generation`, the model writes no text."""
        self._generation = generation
        self._embedding = embedding
        self._tokenization = tokenization

    def prepare(self, message: Submit | Embed | Rerank) -> Request | EmbeddingJob:
        """Raises an `InferenceError`."""
        if not isinstance(message, Submit):
            return self._embedding.prepare(message)
        if self._generation is None:
            raise InvalidRequest("This model does not write text.")
        return self._generation.prepare(message)

    def tokens(self, message: Tokenize) -> Tokens:
        """Raises an `InferenceError`."""
        return self._tokenization.prepare(message)
