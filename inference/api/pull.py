"""`POST /api/pull`: a model comes from its registry. Who asks for one that is on its way joins those who wait for it."""

import msgspec
from starlette.requests import Request

from inference.api.body import read_body
from inference.api.progress_answer import ProgressAnswer
from inference.api.runtime import runtime_of
from inference.errors import InvalidRequest
from inference.library.registry.logins import Login


class TransferBody(msgspec.Struct, frozen=True, kw_only=True):
    """Of pull and push."""

    model: str = ""
    #: The older name of `model`.
    name: str = ""
    insecure: bool = False
    stream: bool = True
    username: str = ""
    #: Or a token.
    password: str = ""

    @property
    def asked_model(self) -> str:
        """Raises `InvalidRequest`."""
        if not (self.model or self.name):
            raise InvalidRequest("invalid model name")
        return self.model or self.name

    @property
    def login(self) -> Login | None:
        """For this request alone; None: as the registry's login was kept."""
        if not self.password:
            return None
        return Login(username=self.username, password=self.password, insecure=self.insecure)


async def pull(request: Request) -> ProgressAnswer:
    body = await read_body(request, TransferBody)
    steps = runtime_of(request).pulls.pull(body.asked_model, insecure=body.insecure, login=body.login)
    return ProgressAnswer(steps, is_streaming=body.stream)
