"""The body of `POST /api/hearth/jobs`, whose fields depend on its kind and are read by each kind's own struct."""

import msgspec


class JobBody(msgspec.Struct, frozen=True, kw_only=True):
    kind: str = ""
    model: str = ""
    insecure: bool = False
    file: str = ""
    upload: str = ""
    destination: str = ""
    perplexity_limit: float = 1.1
