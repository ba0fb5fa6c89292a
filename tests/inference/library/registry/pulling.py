"""What the tests of pulls have in common."""

from inference.library.models import Library
from inference.library.names import parse_name
from inference.library.progress import Progress
from inference.library.registry.pulls import Pulls
from tests.docker_registry import random_bytes

MIB = 1024 * 1024
#: Three parts.
WEIGHTS = random_bytes(9 * MIB + 17)
LAYERS = {"model": WEIGHTS, "license": b"MIT", "params": b'{"stop":["</s>"]}'}


async def pull(pulls: Pulls, name: str) -> list[Progress]:
    return [step async for step in pulls.pull(name, insecure=True)]


def statuses(steps: list[Progress]) -> list[str]:
    """Each once."""
    return list(dict.fromkeys(step.status for step in steps))


def manifest_bytes(library: Library, name: str) -> bytes:
    return library.manifests.path(parse_name(name)).read_bytes()


def blob_bytes(library: Library, digest: str) -> bytes:
    return library.blobs.path(digest).read_bytes()


def leftovers(library: Library) -> list[str]:
    """Files among the blobs that are none."""
    return sorted(path.name for path in library.blobs.root.iterdir() if "-partial" in path.name or path.name.startswith("."))
