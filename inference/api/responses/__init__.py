"""OpenAI's Responses API: `/v1/responses`. Nothing is kept: each request brings its whole conversation."""
