"""The HTTP application: which path is answered by what."""

from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp

from inference.api.anthropic.endpoints import count_tokens, messages
from inference.api.benchmarks import benchmarks
from inference.api.catalogue import catalogue
from inference.api.chat import chat
from inference.api.cloud import account, cloud_service, status
from inference.api.counting import CountRequests
from inference.api.embed import embed, embeddings
from inference.api.errors import client_gone, http_error, inference_error, library_error, unexpected_error
from inference.api.estimate import estimate, machine
from inference.api.forget import forget
from inference.api.generate import generate
from inference.api.hosts import LocalHostsOnly
from inference.api.jobs import act, create_job, dismiss_job, list_jobs, show_job
from inference.api.library.blobs import blob
from inference.api.library.copy import copy
from inference.api.library.create import create
from inference.api.library.damaged import damaged
from inference.api.library.delete import delete
from inference.api.library.files import files
from inference.api.library.show import show
from inference.api.metrics import metrics
from inference.api.models import root, running, tags, version
from inference.api.openai.chat import chat_completions
from inference.api.openai.completions import completions
from inference.api.openai.embeddings import create_embeddings
from inference.api.openai.models import list_models, show_model
from inference.api.openapi.endpoint import openapi_document
from inference.api.origins import KnownOriginsOnly
from inference.api.paths import ForgivingPaths
from inference.api.prompt_usage import TellPromptUsage
from inference.api.pull import pull
from inference.api.push import push
from inference.api.registries import forget_registry, keep_registry, registries
from inference.api.rerank import rerank
from inference.api.rerank_v1 import rerank_v1
from inference.api.responses.endpoints import input_tokens, responses
from inference.api.runtime import Runtime
from inference.api.tokens import detokenize, tokenize
from inference.api.uploads import append_to_upload, create_upload, finish_upload, list_uploads, remove_upload, show_upload
from inference.api.usage import usage
from inference.api.usage_record import KeepUsage
from inference.errors import InferenceError
from inference.library.errors import LibraryError


def build_app(runtime: Runtime) -> ASGIApp:
    routes = [
        _route("/", root, "GET", "HEAD"),
        _route("/metrics", metrics, "GET"),
        _route("/openapi.json", openapi_document, "GET"),
        _route("/api/version", version, "GET", "HEAD"),
        _route("/api/status", status, "GET"),
        _route("/api/tags", tags, "GET", "HEAD"),
        _route("/api/ps", running, "GET"),
        _route("/api/show", show, "POST"),
        _route("/api/pull", pull, "POST"),
        _route("/api/push", push, "POST"),
        _route("/api/blobs/{digest}", blob, "HEAD", "POST"),
        _route("/api/create", create, "POST"),
        _route("/api/copy", copy, "POST"),
        _route("/api/delete", delete, "DELETE"),
        _route("/api/chat", chat, "POST"),
        _route("/api/generate", generate, "POST"),
        _route("/api/embed", embed, "POST"),
        _route("/api/embeddings", embeddings, "POST"),
        _route("/api/rerank", rerank, "POST"),
        _route("/v1/chat/completions", chat_completions, "POST"),
        _route("/v1/completions", completions, "POST"),
        _route("/v1/embeddings", create_embeddings, "POST"),
        _route("/v1/models", list_models, "GET"),
        _route("/v1/models/{model:path}", show_model, "GET"),
        _route("/v1/responses", responses, "POST"),
        _route("/v1/responses/input_tokens", input_tokens, "POST"),
        _route("/v1/messages", messages, "POST"),
        _route("/v1/messages/count_tokens", count_tokens, "POST"),
        _route("/v1/rerank", rerank_v1, "POST"),
        _route("/v2/rerank", rerank_v1, "POST"),
        _route("/api/tokenize", tokenize, "POST"),
        _route("/api/detokenize", detokenize, "POST"),
        _route("/api/me", account, "POST"),
        _route("/api/signout", account, "POST"),
        _route("/api/user/keys/{key}", account, "DELETE"),
        _route("/api/experimental/{service}", cloud_service, "GET", "POST"),
        _route("/api/hearth/registries", registries, "GET"),
        _route("/api/hearth/registries", keep_registry, "POST"),
        _route("/api/hearth/registries/{registry}", forget_registry, "DELETE"),
        _route("/api/hearth/files", files, "GET"),
        _route("/api/hearth/forget", forget, "POST"),
        _route("/api/hearth/usage/{id}", usage, "GET"),
        _route("/api/hearth/damaged", damaged, "GET"),
        _route("/api/hearth/machine", machine, "GET"),
        _route("/api/hearth/estimate", estimate, "POST"),
        _route("/api/hearth/catalogue", catalogue, "GET"),
        _route("/api/hearth/benchmarks", benchmarks, "GET"),
        _route("/api/hearth/jobs", list_jobs, "GET"),
        _route("/api/hearth/jobs", create_job, "POST"),
        _route("/api/hearth/jobs/{id}", show_job, "GET"),
        _route("/api/hearth/jobs/{id}", dismiss_job, "DELETE"),
        _route("/api/hearth/jobs/{id}/{action}", act, "POST"),
        _route("/api/hearth/uploads", list_uploads, "GET"),
        _route("/api/hearth/uploads", create_upload, "POST"),
        _route("/api/hearth/uploads/{id}", show_upload, "GET"),
        _route("/api/hearth/uploads/{id}", append_to_upload, "PATCH"),
        _route("/api/hearth/uploads/{id}", remove_upload, "DELETE"),
        _route("/api/hearth/uploads/{id}/finish", finish_upload, "POST"),
    ]
    handlers: dict[Any, Any] = {
        InferenceError: inference_error,
        LibraryError: library_error,
        HTTPException: http_error,
        ClientDisconnect: client_gone,
        Exception: unexpected_error,
    }
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    app.state.runtime = runtime
    guarded: ASGIApp = KnownOriginsOnly(KeepUsage(TellPromptUsage(app), runtime.usages), runtime.settings.origins)
    if runtime.settings.address.is_loopback:
        guarded = LocalHostsOnly(guarded)
    return ForgivingPaths(CountRequests(guarded, runtime.scheduler.metrics, [route.path for route in routes]))


def _route(path: str, endpoint: Callable[..., Any], *methods: str) -> Route:
    route = Route(path, endpoint, methods=list(methods))
    # Starlette adds HEAD wherever there is GET; Ollama answers it only where listed.
    route.methods = set(methods)
    return route
