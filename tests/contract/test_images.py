"""Images over HTTP, with a model of random weights: what it sees in them means nothing."""

import base64
from collections.abc import Iterator
from typing import Any

import ollama
import pytest

from inference.library.models import Library
from tests.contract.service import Service
from tests.inference.library.files import make_model
from tests.inference.pictures import png
from tests.inference.tiny_models import write_llama
from tests.inference.tiny_projector import NUM_IMAGE_TOKENS, write_projector

RED = base64.b64encode(png()).decode()
OPTIONS = {"temperature": 0, "num_predict": 4}


@pytest.fixture(scope="module")
def seer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("images")
    library = Library(folder / "data" / "models")
    weights = write_llama(folder / "a.gguf", None, num_ctx=512).read_bytes()
    projector = write_projector(folder / "b.gguf").read_bytes()
    make_model(library, "seer", weights=weights, extra={"projector": projector})
    make_model(library, "blind", weights=weights)
    make_model(library, "torn", weights=weights, extra={"projector": projector[:9000]})
    service = Service(folder / "data", OLLAMA_NUM_PARALLEL="2", OLLAMA_CONTEXT_LENGTH="256").start()
    yield service
    assert service.stop() == 0
    assert "Traceback" not in service.log.read_text()


def chat(service: Service, *images: str, model: str = "seer") -> dict[str, Any]:
    message = {"role": "user", "content": "the cat is", "images": list(images)}
    response = service.post("/api/chat", {"model": model, "messages": [message], "stream": False, "options": OPTIONS})
    answer: dict[str, Any] = response.json() | {"status": response.status_code}
    return answer


def test_image_of_a_chat_is_seen(seer: Service) -> None:
    blind, one, two = chat(seer), chat(seer, RED), chat(seer, RED, f"data:image/png;base64,{RED}")

    assert [answer["status"] for answer in (blind, one, two)] == [200, 200, 200]
    counts = [answer["prompt_eval_count"] for answer in (blind, one, two)]
    assert counts == [counts[0], counts[0] + NUM_IMAGE_TOKENS, counts[0] + 2 * NUM_IMAGE_TOKENS]


def test_image_sent_by_ollamas_client_is_seen(seer: Service) -> None:
    client = ollama.Client(host=seer.url)

    blind = client.generate("seer", "the cat is", options=OPTIONS)
    seen = client.generate("seer", "the cat is", images=[png()], options=OPTIONS)

    client._client.close()
    assert seen.prompt_eval_count is not None
    assert blind.prompt_eval_count is not None
    assert seen.prompt_eval_count == blind.prompt_eval_count + NUM_IMAGE_TOKENS


def test_image_of_a_conversation_is_counted(seer: Service) -> None:
    messages = [{"role": "user", "content": "the cat is", "images": [RED]}]
    counted = seer.post("/api/tokenize", {"model": "seer", "messages": messages, "with_pieces": True}).json()

    assert counted["count"] == chat(seer, RED)["prompt_eval_count"]
    assert counted["tokens"].count(-1) == NUM_IMAGE_TOKENS
    pieces = zip(counted["tokens"], counted["pieces"], strict=True)
    assert {piece for token, piece in pieces if token == -1} == {""}


@pytest.mark.parametrize(
    ("images", "error"),
    [
        (["?"], "messages[0].images[0] must be an image in base64"),
        (
            [RED, "aGk="],
            "messages[0].images[1] cannot be used: it is no image of a known format; PNG, JPEG, GIF and BMP can be read",
        ),
        ([RED] * 17, "the request has 17 images; at most 16 are possible"),
        (
            [RED, base64.b64encode(png()[:-30]).decode()],
            "Image 2 of the conversation cannot be used: it is a PNG file that is cut short or damaged.",
        ),
    ],
)
def test_image_of_no_use_is_refused(seer: Service, images: list[str], error: str) -> None:
    answer = chat(seer, *images)

    assert (answer["status"], answer["error"], answer["code"]) == (400, error, "invalid_request")


def test_only_a_model_with_a_projector_is_said_to_see(seer: Service) -> None:
    with seer.client() as client:
        models = client.get("/api/tags").json()["models"]

    assert {model["name"]: model["capabilities"] for model in models} == {
        "seer:latest": ["completion", "vision"],
        "torn:latest": ["completion", "vision"],
        "blind:latest": ["completion"],
        "smollm2:135m": ["completion"],
    }


def test_model_that_sees_nothing_says_so(seer: Service) -> None:
    answer = chat(seer, RED, model="blind")

    assert (answer["status"], answer["error"]) == (400, '"blind" does not support images')
    assert chat(seer, model="blind")["status"] == 200


def test_raw_prompt_has_no_place_for_images(seer: Service) -> None:
    response = seer.post("/api/generate", {"model": "seer", "prompt": "x", "raw": True, "images": [RED]})

    assert (response.status_code, response.json()["error"]) == (400, "raw mode does not support images")


def test_torn_projector_is_told_with_its_cause(seer: Service) -> None:
    answer = chat(seer, model="torn")

    assert answer["status"] == 500
    assert answer["code"] == "model_load_failed"
    assert "The part of the model that sees images" in answer["error"]
    assert chat(seer)["status"] == 200


def test_image_part_of_openais_shape_is_seen(seer: Service) -> None:
    def usage(*parts: Any) -> int:
        content = [{"type": "text", "text": "the cat is"}, *parts]
        body = {"model": "seer", "messages": [{"role": "user", "content": content}], "max_tokens": 1}
        return int(seer.post("/v1/chat/completions", body).json()["usage"]["prompt_tokens"])

    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{RED}", "detail": "auto"}}

    assert usage(part) == usage() + NUM_IMAGE_TOKENS
