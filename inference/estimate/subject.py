"""A model that an estimate is made of."""

import dataclasses
from dataclasses import dataclass

from inference.estimate.calibration import Calibration
from inference.estimate.speed import active_share, tokens_per_second
from inference.library.gguf import GGUFMetadata
from inference.library.shape import ModelShape, read_shape


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model that is asked about. Its numbers may have been guessed."""

    name: str = ""
    installed: bool = False
    shape: ModelShape
    size: int
    download_bytes: int
    parameters: int
    quantization: str
    context: int
    #: Of the weights, the part that one token goes through.
    active_share: float = 1.0
    writes_text: bool = True
    #: Of the weights, where they are known.
    digest: str = ""


def subject_of(metadata: GGUFMetadata, *, name: str, size: int, context: int, digest: str) -> Subject:
    """Of an installed model; `size` over all its files."""
    shape = read_shape(metadata)
    return Subject(
        name=name,
        installed=True,
        # Adapters and projectors are loaded beside the weights.
        shape=dataclasses.replace(shape, weight_bytes=max(size, shape.weight_bytes)),
        size=size,
        download_bytes=0,
        parameters=metadata.num_parameters,
        quantization=metadata.file_type,
        context=context,
        active_share=active_share(metadata),
        writes_text=not metadata.is_embedding,
        digest=digest,
    )


def foretell(calibration: Calibration, subject: Subject, gpu_share: float = 1.0) -> float:
    """Tokens a second by the calibration alone; `gpu_share` as for `tokens_per_second`."""
    return tokens_per_second(
        calibration,
        read_bytes=subject.shape.weight_bytes * subject.active_share,
        file_type=subject.quantization,
        num_layers=subject.shape.num_layers,
        gpu_share=gpu_share,
    )
