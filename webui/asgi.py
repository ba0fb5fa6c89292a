"""What daphne serves. Importing it settles what the process before left unfinished: it must happen before the first reader."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webui.settings")

from django.core.asgi import get_asgi_application

pages = get_asgi_application()

from inference.garbage import spare_what_is_there  # noqa: E402
from webui.routing import make_application  # noqa: E402
from webui.services.generation.recovery import recover_interrupted, save_on_exit  # noqa: E402
from webui.services.sessions import purge_expired_sessions  # noqa: E402
from webui.streamed_request import stream_api_requests  # noqa: E402

stream_api_requests()
recover_interrupted()
save_on_exit()
purge_expired_sessions()
application = make_application(pages)
spare_what_is_there()
