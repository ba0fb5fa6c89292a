"""The models page: administrators only, but for the composer's picker. Names hold `/` and `:`, so they come last."""

from django.urls import path

from webui.views.models import installed, picker

model_urls = [
    path("models/", installed.models, name="models"),
    path("models/picker/", picker.picker, name="model-picker"),
]
