"""The stored objects. Fields and one-line properties only: decisions live in `webui.services`."""

from webui.models.api_key import ApiKey, ApiKeyUsage
from webui.models.conversation import Conversation
from webui.models.message import Message
from webui.models.model_access import ModelAccess
from webui.models.site_settings import SiteSettings
from webui.models.user import User

__all__ = ["ApiKey", "ApiKeyUsage", "Conversation", "Message", "ModelAccess", "SiteSettings", "User"]
