"""What one model is made of, as it comes together. All of it is held until the manifest is written, which is written last."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import Any

from inference.creation.request import CheckedRequest, CreateRequest
from inference.creation.sources import SourceFile, read_source, read_sources
from inference.creation.weights import convert_files, quantize_layer, take_in
from inference.errors import InvalidRequest, ModelNotFound
from inference.library.gguf import GGUFMetadata, read_metadata
from inference.library.manifests import Layer
from inference.library.models import InstalledModel, Library
from inference.library.names import ModelName
from inference.library.progress import Progress
from inference.library.quantize import check_source
from inference.library.writer import ModelWriter, gguf_config

#: Yields the steps of a pull of the model named.
Pull = Callable[[str], AsyncGenerator[Progress, None]]
_FILE_KINDS = ("model", "projector", "adapter")


class Creation:
    """The layers of one model as they come together."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._stack = ExitStack()
        self._base: InstalledModel | None = None
        self._config: dict[str, Any] = {}
        self._kept: list[Layer] = []
        self.sources: list[SourceFile] = []
        #: A model that is to be converted, by its files' names.
        self.safetensors: dict[str, Path] = {}
        self._layers: list[Layer] = []
        #: Blobs that were uploaded or made for this model and that it does not need in the end.
        self._spent: list[str] = []
        self._made: list[str] = []
        self._is_written = False

    def __enter__(self) -> "Creation":
        return self

    def __exit__(self, *details: object) -> None:
        """What was made for a model that did not come about is removed."""
        self._stack.close()
        if not self._is_written:
            self._library.remove_unused(self._made)

    @property
    def models(self) -> list[SourceFile]:
        return [source for source in self.sources if source.role == "model"]

    def hold(self, digests: list[str]) -> None:
        self._stack.enter_context(self._library.hold(digests))

    def take_files(self, body: CreateRequest, library: Library) -> None:
        """Raises `InvalidRequest` for files that do not make a model."""
        files = {name: library.blobs.path(digest) for name, digest in body.files.items()}
        if any(name.endswith(".safetensors") for name in files):
            if "config.json" not in files:
                raise InvalidRequest("a safetensors model needs its config.json")
            self.safetensors, files = files, {}
            self._spent += body.files.values()
        found = read_sources(files.items())
        extra = read_sources((name, library.blobs.path(digest)) for name, digest in body.adapters.items())
        if extra.models or extra.projectors:
            raise InvalidRequest("the supplied adapter is not a LoRA adapter in GGUF format")
        adapters = found.adapters + extra.adapters
        if len(found.models) > 1:
            raise InvalidRequest("the supplied files hold more than one model")
        if (found.models or self.safetensors) and body.base:
            raise InvalidRequest("both 'from' and a file with weights were given: leave one out")
        if len(found.projectors) > 1:
            raise InvalidRequest("the supplied files hold more than one projector")
        if len(adapters) > 1:
            raise InvalidRequest("only one adapter is currently supported")
        self.sources = found.models + found.projectors + adapters
        if found.models:
            _check_adapters(found.models[0].metadata, adapters)

    async def convert(self) -> AsyncGenerator[Progress, None]:
        """Makes a GGUF file of the safetensors, which is then a source like any other. Raises `InvalidRequest`."""
        blobs = self._library.blobs
        async with aclosing(convert_files(blobs, self.safetensors)) as steps:
            async for step in steps:
                if isinstance(step, Progress):
                    yield step
                    continue
                self._hold_made(step)
                source = await asyncio.to_thread(read_source, [blobs.path(step.digest)])
        _check_adapters(source.metadata, [other for other in self.sources if other.role == "adapter"])
        self.sources.insert(0, source)

    async def take_base(self, name: ModelName, *, asked: str, pull: Pull | None) -> AsyncGenerator[Progress, None]:
        """Raises `ModelNotFound`, or what pulling raises."""
        library = self._library
        try:
            base = await asyncio.to_thread(library.find, name, asked=asked)
        except ModelNotFound:
            if pull is None:
                raise
            async with aclosing(pull(asked)) as steps:
                async for step in steps:
                    if step.status != "success":
                        yield step
            base = await asyncio.to_thread(library.find, name, asked=asked)
        self._base = base
        self.hold([layer.digest for layer in base.manifest.layers])
        await asyncio.to_thread(self._read_base, base)

    def _read_base(self, base: InstalledModel) -> None:
        replaced: set[str] = {source.role for source in self.sources if source.role == "projector"}
        for layer in base.manifest.layers:
            if layer.kind not in replaced:
                self._kept.append(layer)
        self._config = {} if base.is_linked else self._library.config_values(base)
        if base.model_path is None:
            if self.sources:
                raise InvalidRequest("files can be added to GGUF models only")
            return
        _check_adapters(self._library.metadata(base), [source for source in self.sources if source.role == "adapter"])
        if base.is_linked:
            # The folder it lies in belongs to somebody else: the new model gets its own files.
            self._kept = []
            self.sources = [source for source in linked_sources(base) if source.role not in replaced] + self.sources

    def check_quantize(self) -> None:
        """Raises `InvalidRequest` for weights that may not be quantised."""
        check_source(self._weights_metadata())

    def _weights_metadata(self) -> GGUFMetadata:
        if self.models:
            return self.models[0].metadata
        if self._base is None or self._base.model_path is None:
            raise InvalidRequest("quantization is only supported for GGUF models")
        return self._library.metadata(self._base)

    async def add_sources(self, kind: str) -> AsyncGenerator[Progress, None]:
        """Puts the files into the library, the weights quantised to `kind` where it is given."""
        for source in self.sources:
            digests = [digest for path in source.paths if (digest := self._library.blobs.digest_of(path))]
            is_split = len(source.paths) > 1
            async with aclosing(take_in(self._library.blobs, source)) as steps:
                async for step in steps:
                    if isinstance(step, Progress):
                        yield step
                        continue
                    self._layers.append(step)
                    self.hold([step.digest])
                    if is_split or not digests:
                        self._made.append(step.digest)
            # What was joined is not needed any more.
            self._spent += digests if is_split else []
        if kind:
            async with aclosing(self._quantize(kind)) as quantizing:
                async for progress in quantizing:
                    yield progress

    async def _quantize(self, kind: str) -> AsyncGenerator[Progress, None]:
        """The weights so far are given up for their quantised form."""
        layers = self._layers if self.models else self._kept
        index = next(index for index, layer in enumerate(layers) if layer.kind == "model")
        async with aclosing(quantize_layer(self._library.blobs, layers[index], kind)) as steps:
            async for step in steps:
                if isinstance(step, Progress):
                    yield step
                    continue
                self._spent.append(layers[index].digest)
                layers[index] = step
                self._hold_made(step)
        metadata = await asyncio.to_thread(read_metadata, self._library.blobs.path(layers[index].digest))
        self._config |= gguf_config(metadata)

    def _hold_made(self, layer: Layer) -> None:
        """A blob that was made for this model, and goes when the model does not come about."""
        self.hold([layer.digest])
        self._made.append(layer.digest)

    def add_texts(self, checked: CheckedRequest) -> list[tuple[Layer, bool]]:
        """All layers in their order, each with whether it is new; texts and parameters are laid over the base's."""
        body, files = checked.body, [layer for layer in self._kept if layer.kind in _FILE_KINDS]
        writer = self._writer = self._stack.enter_context(ModelWriter(self._library, [*self._order(files)]))
        others = [layer for layer in self._kept if layer.kind not in _FILE_KINDS]
        replaced = {
            "template": body.template is not None,
            "system": body.system is not None,
            "messages": body.messages is not None,
            "params": bool(checked.parameters),
        }
        for layer in others:
            if not replaced.get(layer.kind, False):
                writer.add(layer)
        known = {layer.digest for layer in writer.layers} - set(self._made)
        if body.template and not self.is_own_template(body.template):
            writer.add_text(body.template, "template")
        if body.system:
            writer.add_text(body.system, "system")
        if body.messages:
            writer.add_json([{"role": message["role"], "content": message["content"]} for message in body.messages], "messages")
        self._add_parameters(checked, writer)
        for text in checked.licenses:
            if (layer := writer.layer_of(text, "license")).digest not in known:
                writer.add(layer)
        return [(layer, layer.digest not in known) for layer in writer.layers]

    def _order(self, kept: list[Layer]) -> list[Layer]:
        """The weights first: where there are several of a kind, the first counts."""
        layers = [*kept, *self._layers]
        return sorted(layers, key=lambda layer: _FILE_KINDS.index(layer.kind))

    def _add_parameters(self, checked: CheckedRequest, writer: ModelWriter) -> None:
        if not checked.parameters:
            return
        base = self._library.defaults(self._base).parameters if self._base is not None else {}
        merged = {key: value for key, value in {**base, **checked.parameters}.items() if value is not None}
        if merged:
            writer.add_json(merged, "params")

    def is_own_template(self, template: str) -> bool:
        """The GGUF's Jinja template is used where there is no other; as a template layer it would be taken for Go's."""
        metadata = self._weights_metadata() if self.models or (self._base and self._base.model_path) else None
        own = metadata.values.get("tokenizer.chat_template") if metadata is not None else None
        return isinstance(own, str) and own.strip() == template.strip()

    def write(self, checked: CheckedRequest) -> None:
        config = dict(self._config)
        if self.models and not checked.quantize:
            config |= gguf_config(self.models[0].metadata)
        if any(source.role == "projector" for source in self.sources):
            families = [family for family in config.get("model_families") or [] if isinstance(family, str)]
            config["model_families"] = list(dict.fromkeys([*families, "clip"]))
        body = checked.body
        config |= {key: value for key in ("renderer", "parser", "requires") if (value := getattr(body, key))}
        self._writer.write(checked.name, config)
        self._is_written = True
        self._stack.close()
        self._library.remove_unused(self._spent)


def linked_sources(model: InstalledModel) -> list[SourceFile]:
    """The files of a model that lies in the import folder."""
    found = [read_source(list(model.part_paths))]
    return found + ([read_source([model.projector_path])] if model.projector_path is not None else [])


def _check_adapters(base: GGUFMetadata, adapters: list[SourceFile]) -> None:
    for adapter in adapters:
        if adapter.metadata.architecture != base.architecture:
            raise InvalidRequest(
                f"the adapter is made for {adapter.metadata.architecture[:60]} models, and this one is of the "
                f"architecture {base.architecture[:60]}"
            )
