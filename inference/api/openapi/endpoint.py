"""`GET /openapi.json`: the document."""

from starlette.requests import Request
from starlette.responses import Response

from inference.api.models import json_response
from inference.catalogue.catalogue import choose_language


async def openapi_document(request: Request) -> Response:
    """Texts are English, or Simplified Chinese with `?language=zh-hans`; without `language`, what the client accepts."""
    # Imported at the first question: most houses never ask, and it would slow every start.
    from inference.api.openapi.document import build_document

    language = choose_language(request.query_params.get("language") or request.headers.get("accept-language", ""))
    return json_response(build_document(language))
