"""What can be wrong with a Modelfile."""

from inference.library.errors import LibraryError


class ModelfileError(LibraryError):
    """The text, in Ollama's words, says what and, where it is one place, on which line."""
