"""Short programs that ask this site with an API key, to be copied as they are. Code is the same in every language."""

import json
from dataclasses import dataclass

from django.utils.translation import gettext as _

#: What a reader puts their own key in place of.
PLACEHOLDER = "YOUR_KEY"

_CURL = """curl {openai_url}/chat/completions \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{body}'"""

_OPENAI = """from openai import OpenAI

client = OpenAI(base_url="{openai_url}", api_key="{key}")
answer = client.chat.completions.create(
    model={model},
    messages=[{{"role": "user", "content": "Hello!"}}],
)
print(answer.choices[0].message.content)"""

_OLLAMA = """from ollama import Client

client = Client(
    host="{ollama_url}",
    headers={{"Authorization": "Bearer {key}"}},
)
answer = client.chat(
    model={model},
    messages=[{{"role": "user", "content": "Hello!"}}],
)
print(answer.message.content)"""


@dataclass(frozen=True)
class Example:
    """`name` is for ids in the page, `title` for the reader."""

    name: str
    title: str
    code: str


def examples_for(site_url: str, model: str) -> list[Example]:
    """`site_url` is the site's address without a slash at its end, `model` a name that may be asked for."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello!"}]}).replace("'", r"'\''")
    words = {
        "ollama_url": site_url,
        "openai_url": f"{site_url}/v1",
        "key": PLACEHOLDER,
        "model": json.dumps(model),
        "body": body,
    }
    return [
        Example("curl", _("With curl"), _CURL.format(**words)),
        Example("python", _("With Python"), _OPENAI.format(**words)),
        Example("ollama", _("With Ollama’s Python library"), _OLLAMA.format(**words)),
    ]
