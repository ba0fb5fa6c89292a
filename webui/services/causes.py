"""Causes of failures that the runtime tells in English, in the person's language.

The runtime's sentences are for every client alike. Those that an administrator meets when something is fetched, uploaded or
made are known here by their shape; any other is shown as it came.
"""

import re

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

#: As the runtime writes sizes.
_SIZE = r"[\d.]+ [MG]B"
#: What a cause looks like, anywhere in the sentence, and what is said instead; named groups are filled in.
_KNOWN: list[tuple[str, str | Promise]] = [
    (rf"needs (?P<need>{_SIZE}) of memory with a context of (?P<context>\d+) tokens, and (?P<free>{_SIZE}) are free",
     _("The model needs %(need)s with a context of %(context)s tokens, and %(free)s are free. "
       "Choose a smaller model or a smaller context.")),
    (rf"(?:needs|has|space:) (?P<need>{_SIZE})(?: more)?(?: are needed)?, and (?P<free>{_SIZE}) are free",
     _("%(need)s are needed and %(free)s are free: delete models that nobody uses, or give Hearth a larger disk.")),
    (r"[Dd]isk (?:of the models folder )?is full", _("The disk is full: make room, then try again.")),
    (r"Name or service not known|nodename nor servname|No address associated|name resolution",
     _("there is no such address, or this server has no connection to the network.")),
    (r"Connection refused", _("nothing answers at its address.")),
    (r"CERTIFICATE_VERIFY_FAILED|certificate verify failed", _("its certificate is not one that this server trusts.")),
    (r"WRONG_VERSION_NUMBER|wrong version number|record layer failure",
     _("it has no certificate. If it is yours, allow that under “Private registries”.")),
    (r"No route to host|Network is unreachable", _("this server has no connection to it.")),
    (r"the registry does not answer in time", _("it does not answer in time.")),
    (r"the registry cannot be reached|All connection attempts failed", _("it cannot be reached.")),
    (r"the connection to the registry was lost|the registry sends nothing", _("the connection was lost again and again.")),
    (r"the registry answers (?P<status>\d{3})\b", _("it answers with the error %(status)s.")),
    (r"asks for a user name and password|does not accept who asks|access denied", _("it does not let this server in.")),
    (r"file is cut short", _("The file is cut short: not all of it is there.")),
    (r"not in GGUF format", _("The file is not in GGUF format.")),
    (r"its sha256 is (?P<digest>[0-9a-f]{64})",
     _("What arrived has been thrown away: its sha256 is %(digest)s, and another one was expected.")),
    (r"no model that could be used alone",
     _("The file is a projector or an adapter: it belongs to another model and cannot be used alone.")),
    (r"does not say of which architecture", _("The file does not say of which architecture it is.")),
]  # fmt: skip
_PATTERNS = [(re.compile(pattern), words) for pattern, words in _KNOWN]


def known_cause(detail: str) -> str:
    """The cause in the person's language; "" for one that is not known."""
    for pattern, words in _PATTERNS:
        if match := pattern.search(detail):
            return str(words) % match.groupdict() if match.groupdict() else str(words)
    return ""
