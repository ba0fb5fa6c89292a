"""Forms of the people page."""

from django import forms
from django.utils.translation import gettext_lazy as _

from webui.enums import Role
from webui.models import SiteSettings


class RegistrationSettingForm(forms.ModelForm[SiteSettings]):
    class Meta:
        model = SiteSettings
        fields = ("registration",)
        widgets = {"registration": forms.RadioSelect}


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class FindPeopleForm(forms.Form):
    """What to look for in names and addresses."""

    query = forms.CharField(label=_("Find a person"), required=False, max_length=254, widget=forms.SearchInput)
