"""What can be wrong with a model that is to be converted."""


class ConversionError(Exception):
    """The text is the middle of a sentence: "its tokenizer is of a kind that …"."""
