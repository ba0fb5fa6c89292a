"""Error pages that Django asks for by name."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string


@login_not_required
def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/404.html", status=404)


@login_not_required
def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "errors/403.html", status=403)


@login_not_required
def server_error(request: HttpRequest) -> HttpResponse:
    """Without the request's context: what failed may well be what that context asks, such as the database."""
    return HttpResponse(render_to_string("errors/500.html"), status=500)


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without a valid token: nearly always a page left open across a sign-out, so say what to do."""
    return render(request, "errors/403_csrf.html", status=403)
