"""The services of the models page against the runtime they are for."""

import pytest

from inference.library.starter import find_starter_file
from tests.contract.service import MODEL, Service
from tests.factories import make_administrator, make_conversation
from webui.enums import Audience
from webui.models import User
from webui.services.damaged_models import damaged_models
from webui.services.errors import RuntimeFailure
from webui.services.installed_models import InstalledModel, find_by_name, installed_models
from webui.services.model_access import ModelNotAllowed, check_may_use, set_audience
from webui.services.model_changes import (
    ModelChangeRefused,
    copy_model,
    delete_models,
    dependents_of,
    rename_model,
)
from webui.services.model_details import model_details
from webui.services.model_loading import start_loading, unload_model
from webui.services.models import list_models


@pytest.fixture
def by(db: None) -> User:
    return make_administrator()


def find(name: str) -> InstalledModel:
    model = find_by_name(installed_models(), name)
    assert model is not None
    return model


def names() -> list[str]:
    return [model.name for model in list_models(max_age=0).models]


def test_model_is_read_with_all_its_facts(service: Service) -> None:
    (model,) = installed_models()

    assert (model.name, model.family, model.parameter_size, model.quantization) == (MODEL, "llama", "134.52M", "Q4_1")
    assert (model.context_length, model.capabilities, model.is_loaded) == (8192, ("completion",), False)
    assert model.size_bytes > 98_000_000
    assert model.modified_at is not None
    assert model.weights.startswith("sha256:")


def test_details_are_read(service: Service) -> None:
    details = model_details(MODEL)

    assert "Apache License" in details.license
    assert details.parameters == {"stop": ["<|im_start|>", "<|im_end|>"]}
    assert "FROM" in details.modelfile


def test_copy_shares_weights_and_both_are_named(service: Service, by: User) -> None:
    assert copy_model(MODEL, "team/Tutor", by=by) == "team/Tutor:latest"

    assert names() == [MODEL, "team/Tutor:latest"]
    (entry,) = dependents_of([find(MODEL)], installed_models())
    assert entry.sharing == ("team/Tutor:latest",)


def test_rename_keeps_the_model_usable_and_restricted(service: Service, by: User) -> None:
    copy_model(MODEL, "before", by=by)
    conversation = make_conversation(model="before:latest")
    set_audience("before", audience=Audience.ADMINISTRATORS, people=[], by=by)

    assert rename_model("before:latest", "after", by=by) == "after:latest"

    conversation.refresh_from_db()
    assert (names(), conversation.model) == (["after:latest", MODEL], "after:latest")
    with pytest.raises(ModelNotAllowed):
        check_may_use(conversation.owner, "after")


def test_model_is_deleted(service: Service, by: User) -> None:
    copy_model(MODEL, "short-lived", by=by)
    delete_models(["short-lived:latest", "never-there"], by=by)
    assert names() == [MODEL]


def test_file_in_the_import_folder_is_told_apart_and_cannot_be_renamed(service: Service, by: User) -> None:
    folder = service.data / "models" / "import"
    folder.mkdir(exist_ok=True)
    starter = find_starter_file()
    assert starter is not None
    link = folder / "dropped.gguf"
    link.symlink_to(starter)
    try:
        model = find("dropped")
        assert (model.is_linked, model.capabilities, find(MODEL).is_linked) == (True, ("completion",), False)
        for change in (copy_model, rename_model):
            with pytest.raises(ModelChangeRefused, match="a file in the import folder"):
                change(model.name, "other", by=by)
        assert "FROM" in model_details(model.name).modelfile
    finally:
        link.unlink()


def test_damaged_model_is_named_and_deleted(service: Service, by: User) -> None:
    copy_model(MODEL, "broken", by=by)
    manifest = service.data / "models/manifests/registry.ollama.ai/library/broken/latest"
    manifest.write_text("{")

    (damaged,) = damaged_models()
    assert (damaged.name, names()) == ("broken:latest", [MODEL])
    assert damaged.reason
    with pytest.raises(RuntimeFailure, match="“broken” are damaged"):
        model_details("broken")
    delete_models(["broken:latest"], by=by)
    assert damaged_models() == []


def test_name_that_is_taken_is_refused_in_any_spelling(service: Service, by: User) -> None:
    with pytest.raises(ModelChangeRefused, match="is there already"):
        copy_model(MODEL, "registry.ollama.ai/library/SMOLLM2:135m", by=by)


@pytest.mark.model
def test_model_is_loaded_for_as_long_as_asked_and_unloaded(service: Service) -> None:
    model = find(MODEL)

    start_loading(model, keep_alive="1h")
    loaded = find(MODEL).loaded
    assert loaded is not None
    assert 3500 < loaded.seconds_left <= 3600
    assert loaded.size_bytes > 100_000_000

    start_loading(model, keep_alive=-1)
    assert find(MODEL).loaded.seconds_left is None

    unload_model(MODEL)
    assert find(MODEL).loaded is None


def test_model_that_is_gone_cannot_be_loaded(service: Service, by: User) -> None:
    copy_model(MODEL, "gone", by=by)
    model = find("gone")
    delete_models(["gone:latest"], by=by)
    with pytest.raises(RuntimeFailure, match="“gone:latest” is not installed"):
        start_loading(model)
