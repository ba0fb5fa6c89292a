"""Static files with their hash in the name, compressed once at start, so that a browser keeps them for good."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]
    """Also rewrites the relative `import` lines between our ES modules to hashed names; Django leaves that off."""

    support_js_module_import_aggregation = True
