"""What a registry's manifest must be before anything in it is believed."""

import re

from inference.errors import RegistryError
from inference.library.errors import DamagedModel
from inference.library.manifests import Layer, Manifest, decode_manifest

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
#: The library reads these whole.
_SMALL_KINDS = ("template", "system", "params", "messages", "license", "prompt")
_LONGEST_SMALL = 4 * 1024 * 1024
_LONGEST_BLOB = 2**43
_MOST_LAYERS = 4096


def check_manifest(content: bytes) -> Manifest:
    """Raises `RegistryError`."""
    try:
        manifest = decode_manifest(content)
    except DamagedModel:
        raise RegistryError("the registry's answer is no model manifest") from None
    if len(manifest.layers) > _MOST_LAYERS:
        raise RegistryError("the manifest has too many layers")
    sizes: dict[str, int] = {}
    for layer in (manifest.config, *manifest.layers):
        check_layer(layer)
        if sizes.setdefault(layer.digest, layer.size) != layer.size:
            raise RegistryError("the manifest gives one blob two sizes")
    if manifest.config.size > _LONGEST_SMALL:
        raise RegistryError("the manifest's config is too large")
    return manifest


def check_layer(layer: Layer) -> None:
    """Raises `RegistryError`."""
    if not _DIGEST.match(layer.digest):
        raise RegistryError("the manifest names a blob by an invalid digest")
    if not 0 <= layer.size <= _LONGEST_BLOB or (layer.kind in _SMALL_KINDS and layer.size > _LONGEST_SMALL):
        raise RegistryError(f"the manifest has a {layer.kind[:40]} layer of an impossible size")
