"""Forms of the people page."""

from django import forms
from django.utils.translation import gettext_lazy as _

from webui.enums import ApiKeyMakers, Registration, Role


class RegistrationSettingForm(forms.Form):
    registration = forms.ChoiceField(choices=Registration.choices, widget=forms.RadioSelect)


class ApiKeyMakersForm(forms.Form):
    makers = forms.ChoiceField(choices=ApiKeyMakers.choices, widget=forms.RadioSelect)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class FindPeopleForm(forms.Form):
    """What to look for in names and addresses."""

    query = forms.CharField(label=_("Find a person"), required=False, max_length=254, widget=forms.SearchInput)
