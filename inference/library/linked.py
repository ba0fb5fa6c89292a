"""Files of the import folder as installed models."""

from inference.library.import_folder import FolderFile
from inference.library.installed import InstalledModel, ModelConfig
from inference.library.manifests import CONFIG_TYPE, LAYER_PREFIX, Layer, Manifest
from inference.library.writer import human_parameters


def linked_model(file: FolderFile) -> InstalledModel:
    """Of a file that is a model. Its manifest exists nowhere; the digests in it say where the file lies and of which state it
    is, not what it holds."""
    assert file.model is not None and file.metadata is not None, "only a model can be linked"
    layers = [Layer(media_type=LAYER_PREFIX + "model", digest=f"sha256:{file.digest}", size=file.size)]
    if file.projector is not None:
        layers.append(Layer(media_type=LAYER_PREFIX + "projector", digest=f"sha256:{file.digest}", size=file.projector_size))
    architecture = file.metadata.architecture
    return InstalledModel(
        name=file.model,
        digest=file.digest,
        modified_at_ns=file.modified_at_ns,
        manifest=Manifest(config=Layer(media_type=CONFIG_TYPE, digest=f"sha256:{file.digest}", size=0), layers=layers),
        config=ModelConfig(
            model_format="gguf",
            model_family=architecture,
            model_families=[architecture],
            model_type=human_parameters(file.metadata.num_parameters),
            file_type=file.metadata.file_type,
        ),
        model_path=file.paths[0],
        projector_path=file.projector,
        part_paths=file.paths,
        metadata=file.metadata,
    )
