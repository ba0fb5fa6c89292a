"""Error pages that Django asks for by name."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without a valid token: nearly always a page left open across a sign-out, so say what to do."""
    return render(request, "errors/403_csrf.html", status=403)
