import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_cpp import llama_cpp

from inference.errors import InvalidRequest
from inference.runner.llama.sampler import SamplerChain
from inference.runner.messages import RequestFinished, SamplingParams, Submit, TextPrompt
from tests.inference.runner.answers.conftest import QUESTION, House

pytestmark = pytest.mark.model

ALL = SamplingParams(
    temperature=0.7,
    seed=1,
    repeat_penalty=1.1,
    dry_multiplier=0.8,
    top_n_sigma=1.5,
    top_k=30,
    typical_p=0.9,
    top_p=0.8,
    min_p=0.05,
    xtc_probability=0.5,
    dynatemp_range=0.2,
    logit_bias={5: 1.0},
)


def names_of(house: House, params: SamplingParams) -> list[str]:
    chain: SamplerChain = house.model.new_sampler(params, [1, 2, 3])
    count = llama_cpp.llama_sampler_chain_n(chain.handle)
    samplers = [llama_cpp.llama_sampler_chain_get(chain.handle, index) for index in range(count)]
    names = [llama_cpp.llama_sampler_name(sampler).decode() for sampler in samplers]
    chain.close()
    return names


@pytest.mark.parametrize(
    ("params", "names"),
    [
        (SamplingParams(), ["top-k", "top-p", "temp", "dist"]),
        (SamplingParams(temperature=0), ["greedy"]),
        (SamplingParams(temperature=0, repeat_penalty=1.2, ignore_eos=True), ["logit-bias", "penalties", "greedy"]),
        (SamplingParams(mirostat=1), ["temp", "mirostat"]),
        (SamplingParams(mirostat=2, logit_bias={1: 1.0}, top_k=5), ["logit-bias", "temp", "mirostat-v2"]),
        (SamplingParams(top_k=0, top_p=1.0), ["temp", "dist"]),
        (SamplingParams(dry_multiplier=0.8, dry_penalty_last_n=0), ["top-k", "top-p", "temp", "dist"]),
        (
            ALL,
            ["logit-bias", "penalties", "dry", "top-n-sigma", "top-k", "typical", "top-p", "min-p", "xtc", "temp-ext", "dist"],
        ),
    ],
)
def test_chain_has_what_was_asked_for_in_llama_servers_order(house: House, params: SamplingParams, names: list[str]) -> None:
    assert names_of(house, params) == names


def test_bias_forces_a_token(house: House) -> None:
    token = house.model.vocabulary.tokenize(" blue", parse_special=False)[0]

    by_id = house.ask(sampling=SamplingParams(temperature=0, logit_bias={token: 100.0}), max_tokens=3)
    by_text = house.ask(sampling=SamplingParams(seed=1, logit_bias={" blue": 100.0}), max_tokens=3)

    assert by_id.text == by_text.text == " blue blue blue"


def test_bias_forbids_a_token_and_every_token_of_a_text(house: House) -> None:
    usual = house.ask()
    first = usual.text.split()[0]

    other = house.ask(sampling=SamplingParams(temperature=0, logit_bias={first: -math.inf}))

    assert other.text and not other.text.startswith(first)


def test_end_of_the_answer_can_be_forbidden(house: House) -> None:
    yes = 'root ::= "yes"'

    assert house.ask(grammar=yes, sampling=SamplingParams(ignore_eos=True)).text == "yes"
    assert house.ask(max_tokens=60, sampling=SamplingParams(temperature=0, ignore_eos=True)).reason == "length"


def test_seed_gives_the_same_answer_again_and_another_seed_another(house: House) -> None:
    texts = [house.ask(sampling=SamplingParams(temperature=1.5, seed=seed)).text for seed in (7, 7, 8)]

    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    "wish",
    [
        {"mirostat": 1, "mirostat_tau": 1.0},
        {"mirostat": 2, "mirostat_tau": 1.0},
        {"xtc_probability": 1.0, "xtc_threshold": 0.02},
        {"top_n_sigma": 0.1},
        {"dynatemp_range": 1.4},
        {"typical_p": 0.05},
        {"min_p": 0.9},
        {"top_k": 1},
        {"top_p": 0.01},
    ],
)
def test_parameter_changes_the_answer(house: House, wish: dict[str, float]) -> None:
    usual = {"temperature": 1.4, "top_k": 0, "top_p": 1.0, "seed": 3}

    texts = [house.ask(sampling=SamplingParams(**usual | more)).text for more in ({}, wish)]  # type: ignore[arg-type]

    assert texts[0] != texts[1]


def test_dry_ends_a_repetition(house: House) -> None:
    prompt = "one two three four. " * 6
    usual, dry = (
        house.ask(prompt=TextPrompt(prompt), sampling=SamplingParams(temperature=0, **more), max_tokens=16)  # type: ignore[arg-type]
        for more in ({}, {"dry_multiplier": 5.0, "dry_sequence_breakers": ("\n",)})
    )

    assert usual.text.count("12.12.12") and "12.12.12" not in dry.text


@pytest.mark.parametrize(
    ("sampling", "name"),
    [
        ({"temperature": math.inf}, "temperature"),
        ({"top_p": math.nan}, "top_p"),
        ({"repeat_penalty": 0.0}, "repeat_penalty"),
        ({"repeat_penalty": 1e-45}, "repeat_penalty"),
        ({"mirostat": 3}, "mirostat"),
        ({"mirostat": -1}, "mirostat"),
        ({"mirostat_tau": -1.0}, "mirostat_tau"),
        ({"dry_base": 0.5}, "dry_base"),
        ({"dry_multiplier": 1e300}, "dry_multiplier"),
        ({"dry_allowed_length": -1}, "dry_allowed_length"),
        ({"dry_penalty_last_n": -2}, "dry_penalty_last_n"),
        ({"dry_sequence_breakers": ("",)}, "dry_sequence_breakers"),
        ({"dry_sequence_breakers": ("a\0b",)}, "dry_sequence_breakers"),
        ({"dry_sequence_breakers": ("x" * 41,)}, "dry_sequence_breakers"),
        ({"dry_sequence_breakers": ("x",) * 9}, "dry_sequence_breakers"),
        ({"xtc_probability": 1.5}, "xtc_probability"),
        ({"xtc_threshold": -0.1}, "xtc_threshold"),
        ({"dynatemp_range": -1.0}, "dynatemp_range"),
        ({"top_k": 2**40}, "top_k"),
        ({"logit_bias": {-1: 1.0}}, "logit_bias"),
        ({"logit_bias": {10**9: 1.0}}, "logit_bias"),
        ({"logit_bias": {1: math.nan}}, "logit_bias"),
        ({"logit_bias": {1: math.inf}}, "logit_bias"),
        ({"logit_bias": dict.fromkeys(range(2000), 1.0)}, "logit_bias"),
    ],
)
def test_parameter_out_of_its_bounds_is_refused_by_name(house: House, sampling: dict[str, object], name: str) -> None:
    with pytest.raises(InvalidRequest, match=name):
        house.submit(Submit(request_id="", prompt=QUESTION, sampling=SamplingParams(**sampling)))  # type: ignore[arg-type]


numbers = st.floats(-1e6, 1e6, width=32)
small = st.floats(0, 3, width=32)
share = st.floats(0, 1, width=32)
parameters = st.fixed_dictionaries(
    {},
    optional={
        "temperature": numbers,
        "top_k": st.integers(-5, 10**6),
        "top_p": numbers,
        "min_p": numbers,
        "typical_p": numbers,
        "repeat_last_n": st.integers(-2, 10**6),
        "repeat_penalty": st.floats(0.0009765625, 100, width=32),
        "presence_penalty": numbers,
        "frequency_penalty": numbers,
        "seed": st.integers(-1, 2**32 - 1),
        "mirostat": st.integers(0, 2),
        "mirostat_tau": small,
        "mirostat_eta": small,
        "top_n_sigma": numbers,
        "dynatemp_range": small,
        "dynatemp_exponent": small,
        "dry_multiplier": small,
        "dry_base": st.floats(1, 10, width=32),
        "dry_allowed_length": st.integers(0, 1000),
        "dry_penalty_last_n": st.integers(-1, 10**6),
        "xtc_probability": share,
        "xtc_threshold": share,
        "ignore_eos": st.booleans(),
        "logit_bias": st.dictionaries(st.integers(0, 49151) | st.text(max_size=5), numbers | st.just(-math.inf), max_size=5),
    },
)


@settings(max_examples=60, deadline=None)
@given(chosen=parameters, has_grammar=st.booleans())
def test_parameters_within_their_bounds_never_break_the_runner(
    house: House, chosen: dict[str, object], has_grammar: bool
) -> None:
    grammar = 'root ::= "yes" | [0-9]+ | "{" root "}"' if has_grammar else ""

    answer = house.ask(sampling=SamplingParams(**chosen), grammar=grammar, max_tokens=3, logprobs=True, top_logprobs=2)  # type: ignore[arg-type]

    assert isinstance(answer.end, RequestFinished)
    assert all(math.isfinite(entry.logprob) for entry in answer.logprobs)
