"""What can be wrong with a Go template."""


class GoTemplateError(Exception):
    """It cannot be read, or fails while it runs, or takes or makes too much. The text is the rest of a sentence that begins
    with the template."""
