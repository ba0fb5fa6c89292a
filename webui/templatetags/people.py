"""What an administrator should know wherever they are, and who the administrators are."""

from django import template

from webui.models import User
from webui.services.model_access import administrators_sentence

register = template.Library()


@register.simple_tag
def waiting_people(user: User) -> int:
    """How many registrations wait for this administrator's word; 0 for everybody else, without a query."""
    if not user.is_administrator:
        return 0
    return User.objects.filter(is_approved=False, is_active=True).count()


@register.simple_tag
def administrators() -> str:
    """Their names, for the sentence that says whom to ask."""
    return administrators_sentence()
