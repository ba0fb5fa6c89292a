"""Making a model of another one: the job that does it, and who may use what comes of it."""

import logging
from typing import Any

from webui.models import User
from webui.services.errors import DomainError
from webui.services.jobs import Job, start_job
from webui.services.model_access import copy_access, forget_access
from webui.services.model_changes import check_new_name

logger = logging.getLogger(__name__)


def create_model(name: str, body: dict[str, Any], *, by: User) -> Job:
    """Begins the creation of the model `name`; `body` is that of `/api/create` and names the base in `from`.

    Raises ModelChangeRefused for a name that is none or is taken, RuntimeFailure where the runtime refuses.
    """
    check_new_name(name)
    # First, so that what is made from a restricted model is never open to everyone.
    copy_access(body["from"], name)
    try:
        job = start_job("create", name, **body)
    except DomainError:
        forget_access(name)
        raise
    logger.info("%s creates the model %s from %s", by.pk, name, body["from"])
    return job
