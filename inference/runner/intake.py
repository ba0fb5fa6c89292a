"""Which preparation a message needs. Runs on the reader thread."""

from inference.errors import InvalidRequest
from inference.runner.embedding_preparation import EmbeddingPreparation
from inference.runner.engine.embedder import EmbeddingJob
from inference.runner.engine.request import Request
from inference.runner.messages import Submission, Submit
from inference.runner.preparation import Preparation


class Intake:
    def __init__(self, generation: Preparation | None, embedding: EmbeddingPreparation) -> None:
        """Without `generation`, the model writes no text."""
        self._generation = generation
        self._embedding = embedding

    def prepare(self, message: Submission) -> Request | EmbeddingJob:
        """Raises an `InferenceError`."""
        if not isinstance(message, Submit):
            return self._embedding.prepare(message)
        if self._generation is None:
            raise InvalidRequest("This model does not write text.")
        return self._generation.prepare(message)
