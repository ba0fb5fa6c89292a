"""Downloads and other long work on models: the tray's list, its own page, and what is done about each."""

from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from webui.forms.add_models import PullForm
from webui.services.errors import DomainError
from webui.services.jobs import act_on_job, list_jobs, start_job
from webui.views.requests import PersonRequest, administrator_required, wants_fragment

#: The page hears of it and looks at the jobs again.
CHANGED = "hearth:jobs"


@administrator_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def jobs(request: PersonRequest) -> HttpResponse:
    """The list; a POST starts a download."""
    if request.method == "POST":
        return _start(request)
    return render_jobs(request)


@administrator_required
@require_POST
def act(request: PersonRequest, job_id: str, action: str) -> HttpResponse:
    error = ""
    try:
        act_on_job(job_id, action)
    except DomainError as failure:
        error = failure.sentence
    if wants_fragment(request):
        return render_jobs(request, error=error)
    if error:
        messages.error(request, error)
    return redirect("jobs")


def render_jobs(request: PersonRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    """The whole page, or the list alone for the tray. `asking` in the query names the job that may be cancelled."""
    listed = list_jobs()
    asking = request.GET.get("asking", "")
    context = {"listed": listed, "asking": asking, "error": error, "query": f"?{urlencode({'asking': asking})}" if asking else ""}
    return render(request, "models/jobs.html#jobs" if wants_fragment(request) else "models/jobs.html", context, status=status)


def started(request: PersonRequest, model: str) -> HttpResponse:
    """The answer to whatever began a job: for htmx a sentence in the button's place, else the page with all jobs."""
    if not wants_fragment(request):
        messages.success(
            request, gettext("“%(model)s” has been started. It goes on when you leave this page.") % {"model": model}
        )
        return redirect("jobs")
    response = render(request, "models/started.html", {"model": model})
    return trigger_client_event(response, CHANGED)


def refused(request: PersonRequest, sentence: str, *, back: str) -> HttpResponse:
    """What could not be begun, and why: beside the button for htmx, else on the page one came from."""
    if wants_fragment(request):
        return render(request, "models/refused.html", {"sentence": sentence})
    messages.error(request, sentence)
    return redirect(back)


def _start(request: PersonRequest) -> HttpResponse:
    form = PullForm(request.POST)
    if not form.is_valid():
        return refused(
            request,
            gettext("“%(model)s” is not the name of a model.") % {"model": request.POST.get("model", "")[:100]},
            back=reverse("model-add"),
        )
    name = form.cleaned_data["model"]
    try:
        start_job("pull", name, insecure=form.cleaned_data["insecure"])
    except DomainError as failure:
        return refused(request, failure.sentence, back=reverse("model-add"))
    return started(request, name)
