"""For whoever owns the machine: lets somebody in again who has lost the password."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from webui.models import User
from webui.services.accounts import canonical_email
from webui.services.passwords import set_random_password
from webui.services.people import make_rescuer


class Command(BaseCommand):
    help = "Give an account a new random password and print it. The person is signed out everywhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the address the person signs in with")
        parser.add_argument(
            "--administrator",
            action="store_true",
            help="also make the account an approved, enabled administrator: the way back when nobody else can",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        person = self._find(options["email"])
        if options["administrator"]:
            make_rescuer(person)
        password = set_random_password(person)
        self.stdout.write(f"New password for {person.email}: {password}")
        if not person.is_active:
            self.stderr.write("This account is disabled: an administrator has to enable it on the people page.")

    def _find(self, email: str) -> User:
        try:
            person = User.objects.filter(email=canonical_email(email)).first()
        except ValueError:
            person = None
        if person is None:
            raise CommandError(f"No account has the address {email!r}.")
        return person
