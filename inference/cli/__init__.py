"""The `hearth` command: a client of the runtime's HTTP API that behaves as `ollama` does.

`main` is the entry point, `group` finds the command that was asked for and imports no other, `commands/` holds one module a
command, `chat/` what `hearth run` shows and understands.
"""
