"""JavaScript clients in a real browser, in a page on another origin: `ollama` asks the runtime's port, `openai` with a key that
of the site. Each request is preceded by a preflight."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import Window, enter
from tests.e2e.other_origin import PACKAGES, other_origin
from tests.site import MODEL, Site

pytestmark = pytest.mark.skipif(
    not (PACKAGES / "openai").is_dir(), reason="needs the clients from npm: scripts/install-test-programs installs them"
)
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "Say hello."}], "options": {"num_predict": 8}}
LONG = {"model": MODEL, "messages": [{"role": "user", "content": "Count to a thousand."}], "options": {"num_predict": 900}}


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    with other_origin() as address:
        yield address


@pytest.fixture
def stranger(window: Window, elsewhere: str) -> Page:
    """A page on the other origin."""
    page = window().new_page()
    page.goto(elsewhere)
    return page


@pytest.fixture
def key(window: Window, site: Site) -> str:
    """Of a person, for chat and embeddings."""
    page = window(locale="en-US").new_page()
    enter(page, site)
    page.goto(f"{site.url}/accounts/api-keys/")
    page.fill("input[name=name]", "Browser")
    page.click(".key-form button.primary")
    return page.locator("#new-key").input_value()


def ask_ollama(page: Page, site: Site, script: str, given: Any = None) -> Any:
    """What `script` returns; in it, `client` is the client and `given` what was given."""
    return page.evaluate(
        f"""async ([host, given]) => {{
            const {{ Ollama }} = await import("ollama");
            const client = new Ollama({{ host }});
            {script}
        }}""",
        [site.runtime_url, given],
    )


def ask_openai(page: Page, site: Site, key: str, script: str, given: Any = None) -> Any:
    return page.evaluate(
        f"""async ([baseURL, apiKey, given]) => {{
            const {{ default: OpenAI }} = await import("openai");
            const client = new OpenAI({{ baseURL, apiKey, maxRetries: 0, dangerouslyAllowBrowser: true }});
            {script}
        }}""",
        [f"{site.url}/v1", key, given],
    )


def test_ollama_lists_and_shows(stranger: Page, site: Site) -> None:
    methods: list[str] = []
    stranger.on("request", lambda request: methods.append(request.method))

    listed = ask_ollama(stranger, site, "return (await client.list()).models.map((model) => model.name);")
    shown = ask_ollama(stranger, site, "return await client.show({ model: given });", MODEL)

    assert MODEL in listed
    assert "completion" in shown["capabilities"]
    assert {"GET", "POST"} <= set(methods)


def test_ollama_chats_whole_and_streaming(stranger: Page, site: Site) -> None:
    whole = ask_ollama(stranger, site, "return await client.chat(given);", CHAT)
    parts = ask_ollama(
        stranger,
        site,
        """const parts = [];
        for await (const part of await client.chat({ ...given, stream: true })) parts.push(part);
        return parts;""",
        CHAT,
    )

    assert whole["message"]["content"]
    assert "".join(part["message"]["content"] for part in parts) == whole["message"]["content"]
    assert (parts[-1]["done"], parts[-1]["eval_count"]) == (True, whole["eval_count"])


def test_ollama_aborts_a_stream(stranger: Page, site: Site) -> None:
    ended = ask_ollama(
        stranger,
        site,
        """const stream = await client.chat({ ...given, stream: true });
        let count = 0;
        try {
            for await (const part of stream) if (++count === 3) stream.abort();
        } catch (error) {
            return [count, error.name];
        }
        return [count, "came to its end"];""",
        LONG,
    )

    assert ended[0] < 20
    assert ended[1] == "AbortError"
    # The slot is free again: the next one is answered at once.
    assert ask_ollama(stranger, site, "return await client.chat(given);", CHAT)["done"] is True


def test_ollama_embeds_and_generates(stranger: Page, site: Site) -> None:
    embedded = ask_ollama(stranger, site, 'return await client.embed({ model: given, input: ["a", "b"] });', MODEL)
    generated = ask_ollama(
        stranger, site, 'return await client.generate({ model: given, prompt: "Hello", options: { num_predict: 4 } });', MODEL
    )
    missing = ask_ollama(stranger, site, 'return await client.chat({ model: "nothing" }).catch((error) => error.message);')

    assert len(embedded["embeddings"]) == 2
    assert (generated["done"], generated["eval_count"]) == (True, 4)
    assert "not found" in missing


def test_openai_with_a_key_on_the_sites_port(stranger: Page, site: Site, key: str) -> None:
    body = {"model": MODEL, "messages": CHAT["messages"], "max_completion_tokens": 8}

    models = ask_openai(stranger, site, key, "return (await client.models.list()).data.map((model) => model.id);")
    whole = ask_openai(stranger, site, key, "return await client.chat.completions.create(given);", body)
    text = ask_openai(
        stranger,
        site,
        key,
        """let text = "";
        const stream = await client.chat.completions.create({ ...given, stream: true });
        for await (const part of stream) text += part.choices[0]?.delta?.content ?? "";
        return text;""",
        body,
    )
    embedded = ask_openai(stranger, site, key, 'return await client.embeddings.create({ model: given, input: "a" });', MODEL)

    assert MODEL in models
    assert whole["choices"][0]["message"]["content"] == text != ""
    assert len(embedded["data"][0]["embedding"]) > 100


def test_openai_with_a_wrong_key_is_told_so(stranger: Page, site: Site) -> None:
    refused = ask_openai(
        stranger,
        site,
        "hearth-wrong",
        "return await client.models.list().catch((error) => [error.constructor.name, error.status]);",
    )

    assert refused[1] == 401
