"""Lists of models, which leave out what the holder of the key may not use. Only then are they made anew."""

from webui.api.cors import leave_to_read
from webui.api.headers import to_the_client
from webui.api.model_rights import forbidden_to, without
from webui.api.passing import Passed, open_upstream, pass_on, read_answer, send_whole
from webui.api.refusals import runtime_broken
from webui.api.request import ApiRequest
from webui.services.api_keys import KeyHolder

_OF_THE_BODY = (b"content-length", b"etag", b"last-modified", b"digest")


async def pass_list(holder: KeyHolder, request: ApiRequest, passed: Passed) -> None:
    """Raises Refusal, also for an answer that cannot be looked through."""
    forbidden = await forbidden_to(holder)
    upstream = await open_upstream(request, body=None, caller=holder.caller)
    if not forbidden:
        await pass_on(request, upstream, is_body_sent=False, passed=passed)
        return
    head, content = await read_answer(upstream)
    passed.status = head.status
    if content and head.status < 300:
        try:
            content = await without(content, forbidden)
        except ValueError:
            raise runtime_broken() from None
    headers = [(name, value) for name, value in to_the_client(head.headers) if name not in _OF_THE_BODY]
    await send_whole(request, head.status, [*headers, *leave_to_read(request.headers)], content)
