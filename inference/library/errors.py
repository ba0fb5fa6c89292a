"""What can be wrong with files of the model library. The text is a sentence for a person and names no path."""


class LibraryError(Exception):
    """A file of the library cannot be read or written."""


class DamagedModel(LibraryError):
    """A manifest that cannot be read, or a blob of it that is missing or cut short."""


class GGUFError(LibraryError):
    """The file is not a GGUF file that can be read."""
