"""Static files with their hash in the name, compressed once at start, so that a browser keeps them for good."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Also rewrites the relative `import` lines between our ES modules to hashed names.

    Django can do that for every script or for none; htmx's extensions carry type comments that look like imports of files
    that do not exist, so the rewriting stays within `static/js/`.
    """

    _modules = CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]
    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", _modules))
