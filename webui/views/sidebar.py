"""The list of conversations, in the reader's own days."""

from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.views.decorators.http import require_safe

from webui.access import get_conversation
from webui.queries import SidebarPage, sidebar_page
from webui.views.requests import PersonRequest, id_in_query

#: Written by the page with the browser's zone, e.g. "Asia/Shanghai"; without it the server's zone counts.
TIMEZONE_COOKIE = "hearth_timezone"


@require_safe
def sidebar(request: PersonRequest) -> HttpResponse:
    return render_list(request)


def render_list(request: PersonRequest) -> HttpResponse:
    """The list as a fragment: the first page, or the one below `before`."""
    before_id = id_in_query(request, "before")
    before = get_conversation(request.user, before_id) if before_id else None
    current_id = id_in_query(request, "current") or shown_conversation_id(request)
    with timezone.override(viewer_timezone(request)):
        page = sidebar_page(request.user, before=before, current_id=current_id)
    return render(request, "chat/sidebar.html#list", {"sidebar": page})


def sidebar_of(request: PersonRequest, *, current_id: UUID | None) -> SidebarPage:
    """The first page, for a response that shows the conversation `current_id`."""
    with timezone.override(viewer_timezone(request)):
        return sidebar_page(request.user, current_id=current_id)


def viewer_timezone(request: PersonRequest) -> ZoneInfo | None:
    """The zone that the browser named, None (the server's own) where it named none that exists."""
    try:
        return ZoneInfo(request.COOKIES[TIMEZONE_COOKIE])
    except (KeyError, ValueError, OSError, ZoneInfoNotFoundError):
        return None


def shown_conversation_id(request: PersonRequest) -> UUID | None:
    """Which conversation the page that htmx asks from is showing."""
    path = request.htmx.current_url_abs_path if request.htmx else None
    try:
        match = resolve(path.partition("?")[0].removeprefix(settings.SCRIPT_NAME)) if path else None
    except Resolver404:
        return None
    return match.kwargs.get("conversation_id") if match else None
