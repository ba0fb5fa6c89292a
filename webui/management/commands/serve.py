import sys
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Here so that `manage.py help` lists it: manage.py answers `serve` itself, before Django is loaded."""

    help = "Start Hearth: the web process and the model runtime, watched and restarted until SIGTERM or Ctrl-C."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        from webui.supervisor.main import serve

        sys.exit(serve())
