"""Names of models as keys: however a name is spelled, whoever asks by it is asked about the same model."""

from inference.library.names import InvalidName, parse_name


def registry_of(name: str) -> str:
    """The host of the registry that a model of this name comes from; "" for what is no model's name."""
    try:
        return parse_name(name).host.lower()
    except InvalidName:
        return ""


def model_key(name: str) -> str:
    """Host, namespace, model and tag in lower case, as the runtime tells models apart; "" for what is no model's name."""
    try:
        host, namespace, model, tag = parse_name(name).folded
    except InvalidName:
        return ""
    return f"{host}/{namespace}/{model}:{tag}"
