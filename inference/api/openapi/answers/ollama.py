"""In Ollama's shapes."""

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class OllamaError(Struct):
    """`code` is a word for programs, which Ollama itself does not have."""

    error: str
    code: str


class Version(Struct):
    #: Of the Ollama whose API this is.
    version: str
    hearth: str


class CloudState(Struct):
    disabled: bool
    source: str


class Status(Struct):
    cloud: CloudState


class ModelDetails(Struct):
    parent_model: str
    format: str
    family: str
    families: list[str] | None
    parameter_size: str
    quantization_level: str
    context_length: int | UnsetType = UNSET
    embedding_length: int | UnsetType = UNSET


class ModelFiles(Struct):
    """`weights` is the digest of the weights, which models that have the same share on the disk; a `linked` model lies in
    the import folder."""

    weights: str
    linked: bool


class InstalledModel(Struct):
    name: str
    model: str
    modified_at: str
    size: int
    digest: str
    details: ModelDetails
    capabilities: list[str]
    hearth: ModelFiles


class InstalledModels(Struct):
    models: list[InstalledModel]


class AskedContext(Struct):
    num_ctx_asked: int


class LoadedModel(Struct):
    """`context_length` is what each slot has; `hearth.num_ctx_asked` is there when more was asked for than fitted."""

    name: str
    model: str
    size: int
    digest: str
    details: ModelDetails
    expires_at: str
    size_vram: int
    context_length: int
    hearth: AskedContext | UnsetType = UNSET


class LoadedModels(Struct):
    models: list[LoadedModel]


class ShownModel(Struct):
    details: ModelDetails
    model_info: dict[str, Any]
    capabilities: list[str]
    modified_at: str
    license: str | UnsetType = UNSET
    modelfile: str | UnsetType = UNSET
    parameters: str | UnsetType = UNSET
    template: str | UnsetType = UNSET
    system: str | UnsetType = UNSET
    messages: list[dict[str, Any]] | UnsetType = UNSET
    renderer: str | UnsetType = UNSET
    parser: str | UnsetType = UNSET
    requires: str | UnsetType = UNSET
    projector_info: dict[str, Any] | UnsetType = UNSET
    tensors: list[dict[str, Any]] | UnsetType = UNSET


class Embeddings(Struct):
    """Vectors of length 1, in the order of the texts; without texts nothing but the empty list and the model."""

    model: str
    embeddings: list[list[float]]
    total_duration: int | UnsetType = UNSET
    load_duration: int | UnsetType = UNSET
    prompt_eval_count: int | UnsetType = UNSET


class OldEmbedding(Struct):
    embedding: list[float]


class RankedText(Struct):
    text: str


class RankedDocument(Struct):
    """`index` is the place in the request."""

    index: int
    relevance_score: float
    document: RankedText | UnsetType = UNSET


class Ranking(Struct):
    """The best document first."""

    model: str
    results: list[RankedDocument]
    total_duration: int
    load_duration: int
    prompt_eval_count: int


class Tokens(Struct):
    """`pieces` holds the text of each token, or its bytes where it is no whole character."""

    model: str
    tokens: list[int]
    count: int
    total_duration: int
    load_duration: int
    pieces: list[str | list[int]] | UnsetType = UNSET


class Detokenized(Struct):
    model: str
    content: str
    total_duration: int
    load_duration: int
