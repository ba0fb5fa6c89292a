"""Counting: text to tokens and back, and the tokens of a conversation."""

import threading
from typing import Any

import pytest

from tests.contract.service import MODEL, Service, chat_body, endless_body, first_text, lines_of

TEXT = "Grüße, 世界 🦆 and <|im_end|>"


def tokenize(service: Service, **fields: Any) -> dict[str, Any]:
    response = service.post("/api/tokenize", {"model": MODEL, **fields})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_tokenize_and_back_gives_the_same_text(service: Service) -> None:
    answer = tokenize(service, content=TEXT)
    back = service.post("/api/detokenize", {"model": MODEL, "tokens": answer["tokens"]}).json()

    assert set(answer) == {"model", "tokens", "count", "total_duration", "load_duration"}
    assert set(back) == {"model", "content", "total_duration", "load_duration"}
    assert answer["count"] == len(answer["tokens"]) > 10
    assert (answer["model"], back["content"]) == (MODEL, TEXT)


def test_tokenize_with_pieces_tells_parts_of_characters_by_their_bytes(service: Service) -> None:
    pieces = tokenize(service, content=TEXT, with_pieces=True)["pieces"]
    parts = [piece for piece in pieces if isinstance(piece, list)]

    assert parts
    assert b"".join(bytes(piece) if isinstance(piece, list) else piece.encode() for piece in pieces).decode() == TEXT


def test_tokenize_reads_special_tokens_only_where_they_are_wanted(service: Service) -> None:
    special = tokenize(service, content="<|im_end|>")
    as_text = tokenize(service, content="<|im_end|>", parse_special=False)

    assert special["tokens"] == [2]
    assert as_text["count"] > 3


def test_tokenize_of_a_conversation_counts_what_chat_counts(service: Service) -> None:
    body = chat_body("How many are these?", stream=False, options={"num_predict": 1})
    counted = tokenize(service, messages=body["messages"])
    answered = service.post("/api/chat", body).json()
    text = service.post("/api/detokenize", {"model": MODEL, "tokens": counted["tokens"]}).json()["content"]

    assert counted["count"] == answered["prompt_eval_count"]
    assert text.endswith("<|im_start|>user\nHow many are these?<|im_end|>\n<|im_start|>assistant\n")


def test_tokenize_of_a_conversation_beyond_the_context_leaves_nothing_out(service: Service) -> None:
    assert tokenize(service, messages=[{"role": "user", "content": "word " * 5000}])["count"] > 5000


def test_tokenize_of_nothing_is_nothing(service: Service) -> None:
    assert tokenize(service, content="")["tokens"] == []
    assert service.post("/api/detokenize", {"model": MODEL, "tokens": []}).json()["content"] == ""


def test_tokenize_adds_what_the_model_puts_around_an_input(embedder: Service) -> None:
    def tokens(**fields: Any) -> list[int]:
        found: list[int] = embedder.post("/api/tokenize", {"model": "bert-mean", **fields}).json()["tokens"]
        return found

    bare = tokens(content="one two")

    assert tokens(prompt="one two") == tokens(content="one two", add_special=True) == [2, *bare, 3]
    assert tokens(prompt="one two", add_special=False) == bare


def test_tokenize_needs_no_free_slot(service: Service) -> None:
    with service.client() as client, client.stream("POST", "/api/chat", json=endless_body()) as one:
        first_text(lines_of(one))
        with client.stream("POST", "/api/chat", json=endless_body()) as two:
            first_text(lines_of(two))
            assert tokenize(service, content="one two")["count"] == 2


def test_tokenize_by_many_at_once_gives_each_their_own(service: Service) -> None:
    counts: dict[int, int] = {}

    def count(number: int) -> None:
        counts[number] = tokenize(service, content="word " * number)["count"]

    threads = [threading.Thread(target=count, args=(number,)) for number in range(1, 13)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(set(counts.values())) == 12
    assert sorted(counts, key=lambda number: counts[number]) == list(range(1, 13))


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("tokenize", {}, 400, "model is required"),
        ("tokenize", {"content": "x"}, 400, "model is required"),
        ("tokenize", {"model": "x", "content": "x"}, 404, "model 'x' not found"),
        ("tokenize", {"model": "m@d", "content": "x"}, 400, "invalid model name"),
        ("tokenize", {"model": MODEL}, 400, "one of content, prompt and messages is required"),
        ("tokenize", {"model": MODEL, "content": "x", "prompt": "x"}, 400, "one of content, prompt and messages is required"),
        ("tokenize", {"model": MODEL, "content": 5}, 400, "content must be a string or null, not a whole number"),
        ("tokenize", {"model": MODEL, "content": "x" * (2**20 + 1)}, 400, "content has more than 1048576 characters"),
        ("tokenize", {"model": MODEL, "content": "x", "keep_alive": True}, 400, "keep_alive: Unsupported type: 'bool'"),
        ("tokenize", {"model": MODEL, "messages": [{"content": "x"}]}, 400, "messages[0].role is required"),
        ("tokenize", {"model": MODEL, "messages": [{"role": "user", "content": "x" * (2**20 + 1)}]}, 400,
         "messages have more than 1048576 characters"),
        ("detokenize", {}, 400, "model is required"),
        ("detokenize", {"model": MODEL}, 400, "tokens is required"),
        ("detokenize", {"model": MODEL, "tokens": "x"}, 400, "tokens must be an array or null, not a string"),
        ("detokenize", {"model": MODEL, "tokens": ["x"]}, 400, "tokens[0] must be a whole number, not a string"),
        ("detokenize", {"model": MODEL, "tokens": [1, 49152]}, 400,
         "tokens names 49152, which this model does not know (it knows 49152)."),
        ("detokenize", {"model": MODEL, "tokens": [-1]}, 400, "tokens must hold numbers of tokens: from 0 to 2147483647"),
        ("detokenize", {"model": MODEL, "tokens": [2**70]}, 400, "tokens must hold numbers of tokens: from 0 to 2147483647"),
        ("detokenize", {"model": MODEL, "tokens": [1] * (2**20 + 1)}, 400,
         "tokens has 1048577 tokens; at most 1048576 are possible"),
    ],
)  # fmt: skip
def test_tokenize_refuses(service: Service, path: str, body: dict[str, Any], status: int, message: str) -> None:
    response = service.post(f"/api/{path}", body)

    assert (response.status_code, response.json()["error"]) == (status, message)


def test_tokenize_of_an_embedding_model_has_no_conversations(embedder: Service) -> None:
    response = embedder.post("/api/tokenize", {"model": "bert-mean", "messages": [{"role": "user", "content": "x"}]})

    assert (response.status_code, response.json()["error"]) == (400, '"bert-mean" does not support chat')
