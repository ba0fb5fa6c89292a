"""Several people register on an empty site at the same moment. Run as a module, on the database of `DATABASE_URL`, it prints
their roles as JSON; `HEARTH_DATA` must be an empty directory."""

import json
import sys
import threading
from contextlib import suppress
from typing import Any

from django.test import Client


def register_at_once(number: int, *, same_address: bool = False) -> list[Any]:
    """The answers to `number` registrations, each posted by a thread of its own with a connection of its own.

    Whoever has been found to be the first, or not, waits a moment for the others before being stored: where nothing keeps
    them apart, they all meet there.
    """
    from django.db import connections
    from django.db.models.signals import pre_save

    from tests.webui.accounts.pages import register
    from webui.models import User

    meeting = threading.Barrier(number)

    def meet(**_event: Any) -> None:
        with suppress(threading.BrokenBarrierError):
            meeting.wait(timeout=0.5)

    barrier = threading.Barrier(number, timeout=30)
    answers: list[Any] = [None] * number

    def post(index: int) -> None:
        try:
            client = Client()
            barrier.wait()
            answers[index] = register(client, email=f"person{0 if same_address else index}@example.org")
        finally:
            connections.close_all()

    pre_save.connect(meet, sender=User)
    threads = [threading.Thread(target=post, args=(index,)) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    pre_save.disconnect(meet, sender=User)
    return answers


def main() -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection
    from django.test.utils import setup_test_environment

    from webui.models import User

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    setup_test_environment()
    register_at_once(6)
    people = [[role, is_approved] for role, is_approved in User.objects.values_list("role", "is_approved")]
    sys.stdout.write(json.dumps({"vendor": connection.vendor, "people": sorted(people)}))


if __name__ == "__main__":
    main()
