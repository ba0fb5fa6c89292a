"""The people page: administrators only."""

from django.urls import path

from webui.views import people

people_urls = [
    path("people/", people.people, name="people"),
    path("people/registration/", people.registration, name="people-registration"),
    path("people/api-keys/", people.api_key_makers, name="people-api-keys"),
    path("people/<uuid:user_id>/approve/", people.approve, name="person-approve"),
    path("people/<uuid:user_id>/decline/", people.decline, name="person-decline"),
    path("people/<uuid:user_id>/role/", people.role, name="person-role"),
    path("people/<uuid:user_id>/disable/", people.disable, name="person-disable"),
    path("people/<uuid:user_id>/enable/", people.enable, name="person-enable"),
    path("people/<uuid:user_id>/reset/", people.reset, name="person-reset"),
    path("people/<uuid:user_id>/api-keys/", people.api_keys, name="person-api-keys"),
    path("people/<uuid:user_id>/delete/", people.delete, name="person-delete"),
]
