"""The one place that names Hearth's version for the runtime; equal to the one in `pyproject.toml`."""

VERSION = "0.1.0"
#: Of the Ollama whose API is answered here. Clients ask for it before they do anything else: VS Code's Copilot refuses what is
#: older than 0.6.4, Codex what is older than 0.13.4.
OLLAMA_VERSION = "0.33.0"
