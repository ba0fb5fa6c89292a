"""Model files made to do harm: each gets a clear error, and everybody else goes on."""

import random
import struct
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from inference.library.models import Library
from tests.contract.service import Service, chat_body
from tests.inference.library.files import make_model
from tests.inference.tiny_models import write_llama

#: Space for a chat template that a test puts into the file.
TEMPLATE = "{{ messages[0].content }}".ljust(400)
TEMPLATES = {
    "cycle": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "endless": "{% for i in range(99999) %}{% for j in range(99999) %}{% if i < 0 %}{% endif %}{% endfor %}{% endfor %}",
    "bomb": "{% set x = 'aaaaaaaaaa' %}{% for i in range(60) %}{% set x = x ~ x %}{% endfor %}{{ x * 99999999 }}",
    "escape": "{{ ().__class__.__base__.__subclasses__() }}",
}
#: Key and the bytes that follow it: type and value.
WRONG_VALUES = {
    "layers_many": ("llama.block_count", struct.pack("<II", 4, 2**32 - 1)),
    "layers_negative": ("llama.block_count", struct.pack("<Ii", 5, -1)),
    "heads_none": ("llama.attention.head_count", struct.pack("<II", 4, 0)),
    "width_huge": ("llama.embedding_length", struct.pack("<II", 4, 2**32 - 1)),
    "context_zero": ("llama.context_length", struct.pack("<II", 4, 0)),
    "context_huge": ("llama.context_length", struct.pack("<II", 4, 2**32 - 1)),
    "rope_huge": ("llama.rope.dimension_count", struct.pack("<II", 4, 2**31)),
    "begin_beyond": ("tokenizer.ggml.bos_token_id", struct.pack("<II", 4, 2**31)),
    "type_unknown": ("llama.feed_forward_length", struct.pack("<II", 77, 64)),
}
#: What a file says of its one tensor "token_embd.weight": dimensions, type, offset.
WRONG_TENSORS = {
    "dims_overflow": (2**33, 2**33, 0, 0),
    "dims_huge": (2**31, 2**31, 0, 0),
    "dims_zero": (0, 0, 0, 0),
    "type_unknown": (32, 23, 999, 0),
    "offset_beyond": (32, 23, 0, 2**40),
    "offset_overflow": (32, 23, 0, 2**64 - 32),
    "offset_crooked": (32, 23, 0, 3),
}

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_llama(tmp_path_factory.mktemp("tiny") / "tiny.gguf", None, chat_template=TEMPLATE).read_bytes()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the starter and whatever a test puts beside it."""
    folder = tmp_path_factory.mktemp("hostile")
    house = Service(folder / "data", OLLAMA_NUM_PARALLEL="1", OLLAMA_MAX_LOADED_MODELS="4", OLLAMA_CONTEXT_LENGTH="128").start()
    yield house
    house.stop()
    # What happened was expected: nothing of it is a fault of ours.
    assert "Traceback" not in house.log.read_text()


Ask = Callable[[Mapping[str, bytes]], dict[str, httpx.Response]]


@pytest.fixture
def ask(house: Service) -> Ask:
    """Installs files of these bytes and asks each something, a few at a time, with as little as makes it load and render."""
    library = Library(house.data / "models")

    def ask_one(name: str) -> httpx.Response:
        body = {"model": name, "messages": [{"role": "user", "content": "cat"}], "stream": False, "keep_alive": 0}
        return house.post("/api/chat", body | {"options": {"num_predict": 1, "num_ctx": 32}})

    def ask(files: Mapping[str, bytes]) -> dict[str, httpx.Response]:
        for name, content in files.items():
            make_model(library, name, weights=content)
        with ThreadPoolExecutor(3) as pool:
            return dict(zip(files, pool.map(ask_one, files), strict=True))

    return ask


def is_refused(response: httpx.Response) -> bool:
    """Refused in a way that helps: a sentence, a code, and nothing of where things are."""
    if response.status_code == 200:
        return False
    error = response.json()
    assert response.status_code in (400, 500, 503), error
    assert len(error["error"]) > 20, error
    assert error["code"] in ("invalid_request", "model_load_failed", "model_too_large", "runner_crashed", "engine_error"), error
    assert "/" not in error["error"] and "Traceback" not in error["error"], error
    return True


def assert_all_refused(house: Service, responses: dict[str, httpx.Response]) -> None:
    assert {name for name, response in responses.items() if not is_refused(response)} == set()
    assert_unharmed(house)


def assert_unharmed(house: Service) -> None:
    answer = house.post("/api/chat", chat_body(stream=False, options={"num_predict": 1, "num_ctx": 128}))
    assert answer.json()["done"] is True
    assert house.process.poll() is None


def with_value(content: bytes, key: str, value: bytes) -> bytes:
    """The type and value that follow a key of the header replaced."""
    place = content.index(key.encode()) + len(key)
    return content[:place] + value + content[place + len(value) :]


def with_tensor(content: bytes, columns: int, rows: int, kind: int, offset: int) -> bytes:
    place = content.index(b"token_embd.weight") + len("token_embd.weight")
    description = struct.pack("<IQQIQ", 2, columns, rows, kind, offset)
    return content[:place] + description + content[place + len(description) :]


def test_good_model_of_this_kind_answers(tiny: bytes, ask: Ask) -> None:
    """Without this, the others would prove nothing."""
    answer = ask({"good": tiny})["good"]

    assert (answer.status_code, answer.json().get("done")) == (200, True), answer.text


def test_file_cut_anywhere_is_refused(tiny: bytes, house: Service, ask: Ask) -> None:
    sizes = [0, 3, 4, 8, 23, 24, 60, 500, tiny.index(b"token_embd"), len(tiny) // 2, len(tiny) - 1]

    assert_all_refused(house, ask({f"cut{size}": tiny[:size] for size in sizes}))


def test_header_with_impossible_counts_is_refused(tiny: bytes, house: Service, ask: Ask) -> None:
    headers = {
        "magic": b"GGML" + tiny[4:],
        "version": tiny[:4] + struct.pack("<I", 99) + tiny[8:],
        "tensors": tiny[:8] + struct.pack("<Q", 2**63) + tiny[16:],
        "tensors_few": tiny[:8] + struct.pack("<Q", 1) + tiny[16:],
        "values": tiny[:16] + struct.pack("<Q", 2**63) + tiny[24:],
        "values_none": tiny[:16] + struct.pack("<Q", 0) + tiny[24:],
        "key_length": tiny[:24] + struct.pack("<Q", 2**62) + tiny[32:],
    }

    assert_all_refused(house, ask(headers))


def test_tensor_that_cannot_be_is_refused(tiny: bytes, house: Service, ask: Ask) -> None:
    assert_all_refused(house, ask({f"tensor_{name}": with_tensor(tiny, *values) for name, values in WRONG_TENSORS.items()}))


def test_wrong_value_of_a_known_key_harms_nobody_else(tiny: bytes, house: Service, ask: Ask) -> None:
    files = {f"value_{name}": with_value(tiny, key, value) for name, (key, value) in WRONG_VALUES.items()}
    refused = {name for name, response in ask(files).items() if is_refused(response)}

    assert_unharmed(house)
    # A context of any length is honest as far as a file can say.
    assert {name for name in files if "context" not in name} <= refused


def test_hostile_chat_template_costs_its_own_requests_only(tiny: bytes, house: Service, ask: Ask) -> None:
    files = {}
    for name, source in TEMPLATES.items():
        files[f"template_{name}"] = tiny.replace(TEMPLATE.encode(), source.ljust(len(TEMPLATE)).encode())

    assert_all_refused(house, ask(files))


def test_random_damage_harms_nobody_else(tiny: bytes, house: Service, ask: Ask) -> None:
    source = random.Random(11)
    header = tiny.index(b"blk.1.ffn")
    files = {}
    for number in range(12):
        content = bytearray(tiny)
        for _ in range(source.choice([1, 4, 20])):
            content[source.randrange(4, header)] = source.randrange(256)
        files[f"damaged{number}"] = bytes(content)
    refused = [is_refused(response) for response in ask(files).values()]

    assert any(refused)
    assert_unharmed(house)
