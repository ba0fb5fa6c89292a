"""What a command can fail with. The text is a sentence for whoever typed it."""


class CommandError(Exception):
    """Printed as `Error: …` on stderr; the command ends with the exit code 1."""


class ServerUnreachable(CommandError):
    """Nothing answers where `OLLAMA_HOST` points."""


class ServerError(CommandError):
    """The server refused, or gave up in the middle of a stream; `status` is 0 then."""

    def __init__(self, message: str, *, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def is_unknown_path(self) -> bool:
        """The server has no such address at all, as opposed to no such model."""
        return self.status in (404, 405) and self.code == "unknown_path"
