"""One conversation: shown, paged, renamed, deleted."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from webui.access import get_conversation, get_message_of
from webui.forms.conversations import RenameForm
from webui.queries import branch_page
from webui.services.conversations import delete_conversation, rename_conversation
from webui.views.chat import refuse, render_chat
from webui.views.requests import PersonRequest, id_in_query
from webui.views.sidebar import render_list, shown_conversation_id


@require_safe
def conversation(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    return render_chat(request, get_conversation(request.user, conversation_id))


@require_safe
def messages(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """The page of messages above `before`; without it, the newest."""
    found = get_conversation(request.user, conversation_id)
    before_id = id_in_query(request, "before")
    page = branch_page(found, before=get_message_of(found, before_id) if before_id else None)
    if not request.htmx:
        return render_chat(request, found, page=page)
    context = {"conversation": found, "messages": page.messages, "older_before": page.older_before}
    return render(request, "chat/messages.html#older", context)


@require_POST
def rename(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    found = get_conversation(request.user, conversation_id)
    form = RenameForm(request.POST)
    if not form.is_valid():
        return refuse(request, [str(error) for error in form.errors["title"]], conversation=found)
    rename_conversation(found, title=form.cleaned_data["title"])
    return render_list(request) if request.htmx else redirect("conversation", found.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: PersonRequest, conversation_id: UUID) -> HttpResponse:
    """Asks on GET, deletes on POST; a page that showed the conversation goes on to a new one."""
    found = get_conversation(request.user, conversation_id)
    if request.method != "POST":
        template = "chat/delete.html#dialog" if request.htmx else "chat/delete.html"
        return render(request, template, {"conversation": found})
    delete_conversation(found)
    if not request.htmx:
        return redirect("chat")
    response = render_list(request)
    if shown_conversation_id(request) == conversation_id:
        response["HX-Redirect"] = reverse("chat")
    return response
