"""Whose computed prompts may be used again for whom. A scope is a path such as `user:7/conversation:3`.

Its first part is the owner: what was computed for one owner is never used for another, so that how fast an answer begins
tells nobody what somebody else has asked. Below an owner everything is shared; the rest of the path says what is to be
forgotten together.
"""

LONGEST_SCOPE = 200


def owner_of(scope: str) -> str:
    return scope.partition("/")[0]


def is_within(scope: str, root: str) -> bool:
    """Whether a scope is `root` or lies below it."""
    return scope == root or scope.startswith(root + "/")
