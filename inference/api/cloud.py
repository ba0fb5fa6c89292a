"""What belongs to an account at ollama.com. Hearth has none and sends nothing there, and says so."""

from starlette.requests import Request
from starlette.responses import Response

from inference.api.models import json_response
from inference.errors import NoCloud, NotSignedIn


async def status(request: Request) -> Response:
    """`GET /api/status`: clients that could use models of ollama.com are told that there are none."""
    return json_response({"cloud": {"disabled": True, "source": "config"}})


async def account(request: Request) -> Response:
    """`POST /api/me`, `POST /api/signout`, `DELETE /api/user/keys/<key>`."""
    raise NotSignedIn("Nobody is signed in to ollama.com: Hearth has no account there and needs none.")


async def cloud_service(request: Request) -> Response:
    """Everything below `/api/experimental/`: web search, web pages, recommended models."""
    raise NoCloud("This is a service of ollama.com, which Hearth does not use: everything runs on this machine.")
