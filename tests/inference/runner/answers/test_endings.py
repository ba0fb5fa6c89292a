"""How answers end that would not end by themselves: the loop guard and the context's end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_cpp import llama_cpp

from inference.runner.engine.loop_guard import is_looping
from inference.runner.messages import RequestFinished, SamplingParams, Submit
from tests.inference.runner.answers.conftest import QUESTION, House
from tests.inference.tiny_models import write_llama

pytestmark = pytest.mark.model

#: Soon filled.
NUM_CTX = 96
GOING_ON = SamplingParams(temperature=0, ignore_eos=True)
ENDLESS = SamplingParams(temperature=0.9, seed=4, ignore_eos=True)

TABLE = "| name | age | city |\n|---|---|---|\n" + "".join(f"| Ann {n} | {n % 90} | Paris |\n" for n in range(120))
POEM = "\n".join(
    f"Verse {n}: {line}\nOh the wind, the wind, the wind and the rain." for n in range(30) for line in ("I went", "he came")
)
LISTS = "".join(f"{n}. Take item number {n} and put it away.\n" for n in range(1, 120))
CODE = "".join(f"    if value == {n}:\n        return {n * 7 % 13}\n" for n in range(120))
ZEROS = "[" + ", ".join(["0"] * 120) + "]"
MATRIX = "\n".join(["0 " * 20] * 24)
ART = "\n".join([" " * 8 + "- " * 30 + "#"] * 14)
RULE = "Chapter one " + ". " * 400 + "17"
TOUCHING = "{" + "0x00, " * 160 + "0x01}"
PENANCE = "I will not talk in class.\n" * 100
PADDED = "\n".join(f"{' ' * 40}case {n}:{' ' * 400}\\" for n in range(40))
BASE64 = "//uQxAAAAA" + "VVVV" * 200 + "TEFNRTM="


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Writes a thousand tokens in a moment."""
    folder = tmp_path_factory.mktemp("tiny")
    house = House(write_llama(folder / "tiny.gguf", None, num_ctx=2048), num_ctx=2048)
    yield house
    house.model.close()


@pytest.fixture(scope="module")
def house(model_path: Path) -> Iterator[House]:
    house = House(model_path, num_ctx=NUM_CTX)
    yield house
    house.model.close()


@pytest.mark.parametrize("words", ["moon", "the sun"])
def test_forced_repetition_ends_with_its_own_reason(tiny: House, words: str) -> None:
    answer = tiny.ask(sampling=GOING_ON, grammar=f'root ::= (" {words}")*', max_tokens=None)

    assert answer.reason == "repeat"
    assert 1024 <= len(answer.text.split()) < 1024 + 32


def test_loop_guard_can_be_switched_off(tiny: House) -> None:
    answer = tiny.ask(sampling=GOING_ON, grammar='root ::= (" moon")*', max_tokens=1100, loop_guard=False)

    assert (answer.reason, answer.text.count("moon")) == ("length", 1100)


@pytest.mark.parametrize("text", [TABLE, POEM, LISTS, CODE, ZEROS, MATRIX, ART, RULE, TOUCHING, PENANCE, PADDED, BASE64])
def test_what_repeats_by_its_nature_is_no_loop(house: House, text: str) -> None:
    tokens = house.model.vocabulary.tokenize(text, parse_special=False)

    assert len(tokens) > 200
    assert not any(is_looping(tokens[:size]) for size in range(len(tokens) + 1))


def test_answer_ends_at_the_end_of_the_context(house: House) -> None:
    answer = house.ask(sampling=ENDLESS, max_tokens=None)

    assert answer.reason == "length"
    assert isinstance(answer.end, RequestFinished)
    assert answer.end.stats.num_prompt_tokens + answer.end.stats.num_completion_tokens == NUM_CTX


def test_shifted_answer_goes_on_beyond_the_context(house: House) -> None:
    answer = house.ask(sampling=ENDLESS, max_tokens=3 * NUM_CTX, shift=True, loop_guard=False)

    assert answer.reason == "length"
    assert isinstance(answer.end, RequestFinished)
    assert answer.end.stats.num_completion_tokens == 3 * NUM_CTX
    # Words, not noise: positions that do not fit their tokens make a model stammer bytes.
    assert sum(character.isalpha() or character.isspace() for character in answer.text) > 0.8 * len(answer.text)


def test_shift_keeps_slots_and_positions_in_step(house: House) -> None:
    request = house.prepare(
        Submit(
            request_id="", prompt=QUESTION, sampling=ENDLESS, max_tokens=2 * NUM_CTX, shift=True, num_keep=10, loop_guard=False
        )
    )
    prompt = list(request.tokens)
    house.engine.add(request)
    memory = llama_cpp.llama_get_memory(house.model._context.handle)

    num_shifts, num_tokens = 0, 0
    while house.engine.has_work:
        house.engine.step()
        slot = next((slot for slot in house.engine.scheduler.slots if slot.request is request), None)
        if slot is None:
            continue
        num_shifts += len(slot.tokens) < num_tokens
        num_tokens = len(slot.tokens)
        assert llama_cpp.llama_memory_seq_pos_min(memory, slot.seq_id) == 0
        assert llama_cpp.llama_memory_seq_pos_max(memory, slot.seq_id) == len(slot.tokens) - 1
        assert len(request.tokens) == len(slot.tokens) + 1
        assert request.tokens[:10] == slot.tokens[:10] == prompt[:10]
    assert num_shifts >= 2
    # Nothing that was moved is taken for the beginning of another prompt.
    kept = max(house.engine.scheduler.slots, key=lambda slot: slot.last_used)
    assert list(kept.tokens) == prompt[: len(kept.tokens)] and len(kept.tokens) <= 11


def test_next_answer_after_a_shift_is_what_it_always_is(house: House) -> None:
    before = house.ask()
    house.ask(sampling=ENDLESS, max_tokens=NUM_CTX + 50, shift=True)

    after = [house.ask().text for _ in range(5)]

    assert set(after) == {before.text}


def test_shifted_answer_without_a_bound_ends_after_ten_contexts(house: House) -> None:
    request = house.prepare(Submit(request_id="", prompt=QUESTION, shift=True))

    assert request.max_tokens == 10 * NUM_CTX


@pytest.mark.parametrize("num_keep", [-1, 0, 4, 60, 10**6])
def test_any_number_of_tokens_to_keep_goes_on(house: House, num_keep: int) -> None:
    answer = house.ask(sampling=ENDLESS, max_tokens=NUM_CTX + 20, shift=True, num_keep=num_keep, loop_guard=False)

    assert isinstance(answer.end, RequestFinished)
    assert answer.end.stats.num_completion_tokens == NUM_CTX + 20


def test_model_that_cannot_shift_ends_at_the_end_of_the_context(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.model, "shift", lambda *_: False)

    assert house.ask(sampling=ENDLESS, max_tokens=NUM_CTX * 2, shift=True).reason == "length"
