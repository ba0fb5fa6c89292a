"""In Anthropic's shapes."""

from msgspec import Struct


class AnthropicErrorDetail(Struct):
    type: str
    message: str


class AnthropicError(Struct):
    type: str
    error: AnthropicErrorDetail
    request_id: str
