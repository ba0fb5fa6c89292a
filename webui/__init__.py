"""The web side of Hearth: accounts, conversations and administration, on Django. Knows the runtime only by its HTTP API."""

__version__ = "0.1.0"
