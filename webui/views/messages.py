"""Sending a message and what can be done with its answer. Output itself travels over the page's socket."""

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from webui.access import get_conversation, get_message
from webui.forms.messages import MessageForm
from webui.models import Message
from webui.services.errors import DomainError
from webui.services.generation.registry import wait_for_generation
from webui.services.messages import SentMessage, continue_message, retry_message, send_message, stop_message
from webui.views.chat import chat_context, refuse
from webui.views.requests import PersonRequest
from webui.views.sidebar import sidebar_of


@require_POST
def send(request: PersonRequest) -> HttpResponse:
    form = MessageForm(request.POST)
    is_valid = form.is_valid()
    if "conversation" in form.errors:
        raise Http404
    conversation_id = form.cleaned_data["conversation"]
    conversation = get_conversation(request.user, conversation_id) if conversation_id else None
    draft = request.POST.get("content", "")
    if not is_valid:
        errors = [str(error) for errors in form.errors.values() for error in errors]
        return refuse(request, errors, conversation=conversation, draft=draft)
    given = form.cleaned_data
    try:
        sent = send_message(
            request.user,
            conversation=conversation,
            content=given["content"],
            model=given["model"],
            wants_thinking=given["thinking"],
        )
    except DomainError as error:
        return refuse(request, [error.sentence], conversation=conversation, draft=draft)
    return _render_sent(request, sent) if request.htmx else redirect("conversation", sent.conversation.pk)


def _render_sent(request: PersonRequest, sent: SentMessage) -> HttpResponse:
    """Both new messages; for a new conversation the whole main column, and the address that belongs to it."""
    context = {"sidebar": sidebar_of(request, current_id=sent.conversation.pk), "conversation": sent.conversation}
    if not sent.is_new_conversation:
        return render(request, "chat/sent.html", context | {"messages": [sent.question, sent.answer]})
    main = render_to_string("chat/page.html#main", chat_context(request, sent.conversation), request)
    # The column holds the messages already; named, since Django's flash messages go by the same name.
    response = HttpResponse(main + render_to_string("chat/sent.html", context | {"messages": []}, request))
    response["HX-Push-Url"] = reverse("conversation", args=[sent.conversation.pk])
    response["HX-Retarget"] = "#main"
    response["HX-Reswap"] = "outerHTML"
    return response


@require_safe
def message(request: PersonRequest, message_id: UUID) -> HttpResponse:
    return _render_message(request, get_message(request.user, message_id))


@require_POST
def stop(request: PersonRequest, message_id: UUID) -> HttpResponse:
    stop_message(get_message(request.user, message_id))
    wait_for_generation(message_id)
    return _after_action(request, get_message(request.user, message_id))


@require_POST
def go_on(request: PersonRequest, message_id: UUID) -> HttpResponse:
    found = get_message(request.user, message_id)
    try:
        return _after_action(request, continue_message(found))
    except DomainError as error:
        return refuse(request, [error.sentence], conversation=found.conversation)


@require_POST
def retry(request: PersonRequest, message_id: UUID) -> HttpResponse:
    found = get_message(request.user, message_id)
    try:
        return _after_action(request, retry_message(found))
    except DomainError as error:
        return refuse(request, [error.sentence], conversation=found.conversation)


def _after_action(request: PersonRequest, found: Message) -> HttpResponse:
    return _render_message(request, found) if request.htmx else redirect("conversation", found.conversation_id)


def _render_message(request: PersonRequest, found: Message) -> HttpResponse:
    return render(request, "chat/message.html#message", {"message": found})
