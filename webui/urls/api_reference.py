"""The reference of the APIs."""

from django.urls import path

from webui.views import api_reference

api_reference_urls = [path("api-reference/", api_reference.api_reference, name="api-reference")]
