"""Every address of the site, grouped by screen. `/api/` and `/v1/` belong to the model APIs; no page lives under them."""

from webui.urls.accounts import account_urls
from webui.urls.add_models import add_model_urls
from webui.urls.api_reference import api_reference_urls
from webui.urls.chat import chat_urls
from webui.urls.models import model_urls
from webui.urls.people import people_urls

urlpatterns = [*chat_urls, *account_urls, *api_reference_urls, *add_model_urls, *model_urls, *people_urls]

handler403 = "webui.views.errors.forbidden"
handler404 = "webui.views.errors.not_found"
handler500 = "webui.views.errors.server_error"
#: Asked for by name by allauth's rate limits.
handler429 = "webui.views.accounts.too_many_requests"
