"""The endpoints by protocol, in the order in which they are shown."""

from inference.api.openapi.groups.anthropic import ANTHROPIC
from inference.api.openapi.groups.hearth import HEARTH
from inference.api.openapi.groups.ollama import OLLAMA
from inference.api.openapi.groups.openai import OPENAI
from inference.api.openapi.operation import Group

GROUPS: tuple[Group, ...] = (OLLAMA, OPENAI, ANTHROPIC, HEARTH)
