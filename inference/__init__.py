"""The model runtime of Hearth: library, scheduler, runners and the Ollama and OpenAI APIs. Nothing below imports Django."""
