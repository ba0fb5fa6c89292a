"""The one place that names Hearth's version for the runtime; equal to the one in `pyproject.toml`."""

VERSION = "0.1.0"
