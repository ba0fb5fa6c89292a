"""What can be wrong with a wish about a job."""

from inference.errors import RequestRejected


class JobNotFound(RequestRejected):
    code = "job_not_found"


class ActionNotPossible(RequestRejected):
    """The job is in a state, or of a kind, that the action does not fit."""

    code = "action_not_possible"
