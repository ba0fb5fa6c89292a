"""A model of one's own, made of another one: by a form, or as a Modelfile."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from webui.forms.create_model import CreateForm, ModelfileForm
from webui.services.errors import DomainError
from webui.services.model_creation import create_model
from webui.services.models import list_models
from webui.views.models.jobs import started
from webui.views.requests import PersonRequest, administrator_required


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: PersonRequest) -> HttpResponse:
    """`as=modelfile` in the query shows the other form."""
    is_modelfile = request.GET.get("as") == "modelfile"
    data = request.POST if request.method == "POST" else None
    form = ModelfileForm(data) if is_modelfile else CreateForm(data, initial={"base": request.GET.get("from", "")[:255]})
    if form.is_valid():
        name = form.cleaned_data["model"]
        try:
            create_model(name, form.body(), by=request.user)
        except DomainError as failure:
            form.add_error(None, failure.sentence)
        else:
            return started(request, name)
    context = {"way": "create", "form": form, "is_modelfile": is_modelfile, "listed": list_models(), "example": _example()}
    return render(request, "models/create.html", context, status=422 if form.errors else 200)


def _example() -> str:
    prompt = gettext("You are a patient teacher.")
    return f'FROM qwen3:8b\nPARAMETER temperature 0.6\nSYSTEM """\n{prompt}\n"""'
