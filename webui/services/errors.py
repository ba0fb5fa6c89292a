"""What a service can refuse or fail with. `code` is for programs, the text is one sentence for the person."""

from django.utils.translation import gettext as _

from webui.services.causes import known_cause


class DomainError(Exception):
    """An action that cannot be done now."""

    code = "refused"

    @property
    def sentence(self) -> str:
        return str(self.args[0]) if self.args else self.code


class ContentRefused(DomainError):
    """The text of a message is empty or too long."""

    code = "content_refused"


class AnswerRunning(DomainError):
    """The conversation already has an answer that is being written."""

    code = "answer_running"


class TooManyAnswers(DomainError):
    """The person has as many answers running as one person may."""

    code = "too_many_answers"


class ActionNotPossible(DomainError):
    """The message is not in a state that allows the action."""

    code = "not_possible"


class NoModel(DomainError):
    """No model was chosen and none is installed."""

    code = "no_model"


class RuntimeFailure(DomainError):
    """The model runtime could not give, or finish, an answer."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code

    @property
    def is_crash(self) -> bool:
        """Whether the same request may well succeed when sent again: something died while it had it."""
        return self.code in {"runner_crashed", "shutting_down", "stream_broken"}


class EngineUnavailable(RuntimeFailure):
    """Nothing answers at the runtime's address, or the supervisor says why nothing will."""

    def __init__(self, sentence: str) -> None:
        super().__init__("engine_unavailable", sentence)


class NotSupported(RuntimeFailure):
    """The runtime in use, such as a real Ollama, has nothing that does this."""


def failure_from_code(code: str, detail: str, model: str) -> RuntimeFailure:
    """The failure for an error object of the runtime: our own words where the code or the cause is known, else its own."""
    cause = known_cause(detail) or detail
    sentences = {
        "model_not_found": _("The model “%(model)s” is not installed. Choose another one and try again.") % {"model": model},
        "model_damaged": _("The files of the model “%(model)s” are damaged. It has to be installed again.") % {"model": model},
        "queue_full": _("Too many people are waiting for this model. Try again in a moment."),
        "runner_crashed": _("The model stopped unexpectedly. Try again; if it happens again, choose a smaller model."),
        "shutting_down": _("The model runtime was shut down."),
        "stream_broken": _("The connection to the model runtime was lost."),
        "not_in_registry": _("The registry has no such model. Check the name and the tag."),
        "digest_mismatch": known_cause(detail) or _("What arrived is not what was promised, so it was thrown away. Try again."),
        "upload_not_found": _("This upload is no longer there. Choose the file again to start anew."),
        "upload_busy": _("This upload is being made into a model."),
        "action_not_possible": _("This cannot be done now: look at the list again."),
    }
    if code == "not_supported":
        return NotSupported(code, _("The model runtime behind this site cannot do this; Hearth's own can."))
    if code == "model_load_failed":
        return RuntimeFailure(code, _("The model could not be loaded: %(cause)s") % {"cause": cause})
    if code in {"model_too_large", "not_enough_memory"}:
        return RuntimeFailure(code, _("There is not enough memory. %(cause)s") % {"cause": cause})
    if code == "not_enough_disk":
        return RuntimeFailure(code, _("There is not enough room on the disk. %(cause)s") % {"cause": cause})
    if code in {"registry_error", "registry_refused"}:
        return RuntimeFailure(code, _("The registry could not be used: %(cause)s") % {"cause": cause})
    return RuntimeFailure(code, sentences.get(code) or cause or _("The model runtime reported an error."))


def interruption() -> dict[str, str]:
    """Fields of a message whose answer ended with the process that wrote it."""
    return {"error_code": "interrupted", "error_detail": _("The server was restarted while this was written.")}
