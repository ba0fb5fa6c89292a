"""The chat page: a new conversation, or one that is shown; the same page again with what was wrong with a form."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.html import format_html_join
from django.views.decorators.http import require_safe

from webui.models import Conversation
from webui.queries import BranchPage, branch_page
from webui.services.models import model_picker
from webui.views.requests import PersonRequest, wants_fragment
from webui.views.sidebar import sidebar_of


@require_safe
def chat(request: PersonRequest) -> HttpResponse:
    return render_chat(request)


def chat_context(
    request: PersonRequest,
    conversation: Conversation | None,
    *,
    page: BranchPage | None = None,
    draft: str = "",
    errors: Sequence[str] = (),
) -> dict[str, Any]:
    """What `chat/page.html#main` needs; `page` in place of the newest messages."""
    if page is None:
        page = branch_page(conversation) if conversation else BranchPage([], None)
    wanted = request.POST.get("model") or request.GET.get("model", "")
    return {
        "conversation": conversation,
        "messages": page.messages,
        "older_before": page.older_before,
        "picker": model_picker(request.user, wanted=wanted, conversation=conversation),
        "draft": draft,
        "form_errors": errors,
    }


def render_chat(
    request: PersonRequest,
    conversation: Conversation | None = None,
    *,
    page: BranchPage | None = None,
    draft: str = "",
    errors: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    """The whole page, or its main column where htmx moves between conversations."""
    context = chat_context(request, conversation, page=page, draft=draft, errors=errors)
    if wants_fragment(request):
        return render(request, "chat/page.html#main", context, status=status)
    context["sidebar"] = sidebar_of(request, current_id=conversation.pk if conversation else None)
    return render(request, "chat/page.html", context, status=status)


def refuse(
    request: PersonRequest, errors: Sequence[str], *, conversation: Conversation | None = None, draft: str = ""
) -> HttpResponse:
    """422 with the sentences: beside the composer for htmx, on the whole page with the draft kept otherwise."""
    if not request.htmx:
        return render_chat(request, conversation, draft=draft, errors=errors, status=422)
    response = HttpResponse(format_html_join("", "<p>{}</p>", ((error,) for error in errors)), status=422)
    response["HX-Retarget"] = "#composer-error"
    response["HX-Reswap"] = "innerHTML"
    return response
