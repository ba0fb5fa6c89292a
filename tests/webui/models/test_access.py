"""Who may use which model: decided by name in any spelling, and asked wherever an answer is asked for."""

from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from tests.factories import make_administrator, make_answer, make_conversation, make_user
from tests.webui.http_runtime import TAGS, HTTPRuntime
from webui.enums import Audience, MessageStatus
from webui.models import Conversation, Message, ModelAccess, User
from webui.services import model_access
from webui.services.installed_models import InstalledModel
from webui.services.messages import continue_message, retry_message, send_message
from webui.services.model_access import ModelNotAllowed, check_may_use, set_audience, set_enabled, usable_models
from webui.services.model_names import model_key

MODEL = "smollm2:135m"
SPELLINGS = [MODEL, "SmolLM2:135M", "library/smollm2:135m", "registry.ollama.ai/library/smollm2:135m", "https://a/b/c:d", "c"]


def may_use(user: User, name: str = MODEL) -> bool:
    """As the check and the list both say it."""
    is_listed = usable_models(user, [InstalledModel(name)]) != []
    try:
        check_may_use(user, name)
    except ModelNotAllowed:
        assert not is_listed
        return False
    assert is_listed
    return True


def restrict(audience: Audience, *people: User) -> None:
    set_audience(MODEL, audience=audience, people=people, by=make_administrator())


@pytest.mark.parametrize("name", SPELLINGS[:4])
def test_spellings_of_a_name_have_one_key(name: str) -> None:
    assert model_key(name) == "registry.ollama.ai/library/smollm2:135m"


@pytest.mark.parametrize("name", ["", " ", "a b", "../../x", "a/b/c/d/e", "x:y:z", "\0", "x" * 5000, ".hidden"])
def test_what_is_no_name_has_no_key_and_is_refused(db: None, name: str) -> None:
    assert model_key(name) == ""
    with pytest.raises(ModelNotAllowed, match="not installed"):
        check_may_use(make_administrator(), name)


def test_model_nobody_decided_about_is_for_everyone(db: None) -> None:
    assert may_use(make_user())


@pytest.mark.parametrize("name", SPELLINGS[:4])
def test_disabled_model_is_for_nobody_in_any_spelling(db: None, name: str) -> None:
    set_enabled(MODEL, is_enabled=False, by=make_administrator())

    assert [may_use(make_user(), name), may_use(make_administrator(), name)] == [False, False]
    with pytest.raises(ModelNotAllowed, match="switched off"):
        check_may_use(make_user(), name)


def test_enabling_again_keeps_the_restriction(db: None) -> None:
    restrict(Audience.ADMINISTRATORS)
    set_enabled(MODEL, is_enabled=False, by=make_administrator())
    set_enabled(MODEL, is_enabled=True, by=make_administrator())

    assert [may_use(make_user()), may_use(make_administrator())] == [False, True]


def test_model_for_chosen_people_is_for_them_and_administrators(db: None) -> None:
    chosen, other = make_user(), make_user()
    restrict(Audience.CHOSEN, chosen)

    assert [may_use(chosen), may_use(other), may_use(make_administrator())] == [True, False, True]
    restrict(Audience.EVERYONE)
    assert may_use(other)
    restrict(Audience.CHOSEN)
    assert not may_use(chosen)


def test_refusal_names_whom_to_ask(db: None) -> None:
    make_administrator(display_name="Ada"), make_administrator(display_name="Bo", is_active=False)
    ModelAccess.objects.create(pk=model_key(MODEL), audience=Audience.ADMINISTRATORS)

    with pytest.raises(ModelNotAllowed, match="or ask Ada for it"):
        check_may_use(make_user(), MODEL)


def test_administrators_are_named_in_words(db: None) -> None:
    assert model_access.administrators_sentence() == "an administrator"
    for name in ("Ada", "Bo", "Cy"):
        make_administrator(display_name=name)
    assert model_access.administrators_sentence() == "Ada, Bo or Cy"


def test_copy_is_restricted_as_its_source_and_forgetting_opens(db: None) -> None:
    chosen = make_user()
    restrict(Audience.CHOSEN, chosen)
    model_access.copy_access(MODEL, "copy")
    model_access.copy_access("other", "copy:old")

    assert [may_use(chosen, "copy"), may_use(make_user(), "copy"), may_use(make_user(), "copy:old")] == [True, False, True]
    model_access.forget_access("COPY:latest")
    assert may_use(make_user(), "copy")


def test_sending_asks_whether_the_model_may_be_used(db: None) -> None:
    user = make_user()
    conversation = make_conversation(user=user)
    restrict(Audience.ADMINISTRATORS)

    for fields in ({"conversation": conversation, "model": ""}, {"model": "library/SMOLLM2:135m"}):
        with pytest.raises(ModelNotAllowed):
            send_message(user, content="Hello", **fields)  # type: ignore[arg-type]
    assert (Message.objects.count(), Conversation.objects.count()) == (0, 1)


@pytest.mark.parametrize("again", [retry_message, continue_message])
def test_going_on_asks_whether_the_model_may_be_used(db: None, again: Any) -> None:
    status = MessageStatus.FAILED if again is retry_message else MessageStatus.STOPPED
    answer = make_answer(user=make_user(), status=status)
    restrict(Audience.ADMINISTRATORS)

    with pytest.raises(ModelNotAllowed, match="You may not use"):
        again(answer)
    answer.refresh_from_db()
    assert (answer.status, answer.content) == (status, "Because of the air.")


def picked(client: Client, person: User) -> list[str]:
    client.force_login(person)
    soup = BeautifulSoup(client.get("/models/picker/").content, "html.parser")
    return [option["value"] for option in soup.select("option")]


def test_picker_offers_what_the_person_may_chat_with(client: Client, db: None, runtime: HTTPRuntime) -> None:
    names = [("open", ["completion"]), ("closed", ["completion"]), ("vectors", ["embedding"]), ("unknown", [])]
    models = [TAGS["models"][0] | {"name": f"{name}:1", "capabilities": abilities} for name, abilities in names]
    runtime.answers["GET /api/tags"] = {"models": models}
    set_audience("closed:1", audience=Audience.ADMINISTRATORS, people=[], by=make_administrator())

    assert picked(client, make_user()) == ["open:1", "unknown:1"]
    assert picked(client, make_administrator()) == ["closed:1", "open:1", "unknown:1"]


@pytest.mark.parametrize(("make", "words"), [(make_user, "Ask Ada to open one to you"), (make_administrator, "switched off")])
def test_chat_page_says_when_no_model_is_open_to_the_person(
    client: Client, db: None, runtime: HTTPRuntime, make: Any, words: str
) -> None:
    set_enabled(MODEL, is_enabled=False, by=make_administrator(display_name="Ada"))
    client.force_login(make())
    assert words in client.get("/").text


def test_chat_page_without_a_model_leads_on(client: Client, db: None, runtime: HTTPRuntime) -> None:
    runtime.answers["GET /api/tags"] = {"models": []}
    client.force_login(make_administrator(display_name="Ada"))
    assert 'href="/models/add/"' in client.get("/").text

    client.force_login(make_user())
    page = client.get("/").text
    assert "Ask Ada to add one" in page
    assert "/models/add/" not in page
