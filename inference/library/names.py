"""Model names: `[scheme://][host/][namespace/]model[:tag]`, with Ollama's grammar, defaults and shortest form."""

import re
from dataclasses import dataclass

DEFAULT_HOST = "registry.ollama.ai"
DEFAULT_NAMESPACE = "library"
DEFAULT_TAG = "latest"

_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}\Z")
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,79}\Z")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}\Z")
_LONGEST = 350 + 3 * 81 + 16


class InvalidName(ValueError):
    """The text is no model name."""


@dataclass(frozen=True)
class ModelName:
    """A complete name. Every part is safe as one path component: none can begin with a dot or hold a slash."""

    host: str
    namespace: str
    model: str
    tag: str

    def __str__(self) -> str:
        return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"

    @property
    def parts(self) -> tuple[str, str, str, str]:
        return self.host, self.namespace, self.model, self.tag

    @property
    def folded(self) -> tuple[str, str, str, str]:
        """What two names have in common when they differ in case only."""
        return self.host.lower(), self.namespace.lower(), self.model.lower(), self.tag.lower()

    @property
    def is_cloud(self) -> bool:
        """Whether models of this name run at ollama.com and have no weights to install."""
        tag = self.tag.lower()
        return self.host.lower() == DEFAULT_HOST and (tag == "cloud" or tag.endswith("-cloud"))

    @property
    def shortest(self) -> str:
        """The name as people see it: default host, then default namespace left out; the tag stays."""
        name = f"{self.model}:{self.tag}"
        if self.host.lower() != DEFAULT_HOST:
            return f"{self.host}/{self.namespace}/{name}"
        return name if self.namespace.lower() == DEFAULT_NAMESPACE else f"{self.namespace}/{name}"


def parse_name(text: str) -> ModelName:
    """Raises `InvalidName`. Missing host, namespace and tag are filled with the defaults."""
    if not text or len(text) > _LONGEST:
        raise InvalidName(text[:100])
    rest = text.partition("://")[2] if "://" in text else text
    tag = DEFAULT_TAG
    if rest.rfind(":") > rest.rfind("/"):
        rest, _, tag = rest.rpartition(":")
    parts = rest.split("/")
    if len(parts) > 3:
        raise InvalidName(text)
    defaults = [DEFAULT_HOST, DEFAULT_NAMESPACE]
    host, namespace, model = [*defaults[: 3 - len(parts)], *parts]
    return name_from_parts(host, namespace, model, tag)


def name_from_parts(host: str, namespace: str, model: str, tag: str) -> ModelName:
    """Raises `InvalidName` unless every part obeys the grammar."""
    if not (_HOST.match(host) and _NAMESPACE.match(namespace) and _PART.match(model) and _PART.match(tag)):
        raise InvalidName(f"{host}/{namespace}/{model}:{tag}")
    return ModelName(host, namespace, model, tag)
