import math
import os
from typing import Any

import pytest

from inference.api.option_values import MAX_STOPS
from inference.api.options import _READERS, Options, read_keep_alive, read_options, read_think
from inference.durations import FOREVER
from inference.errors import InvalidRequest
from inference.library.modelfile.parameters import DEPRECATED, KNOWN
from inference.runner.messages import SamplingParams
from inference.scheduler import LoadOptions


def read(asked: dict[str, Any], modelfile: dict[str, Any] | None = None) -> Options:
    return read_options(modelfile or {}, asked, num_ctx=4096, num_ctx_train=8192)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("num_ctx", "big", "integer"),
        ("num_ctx", [1], "integer"),
        ("num_predict", True, "integer"),
        ("top_k", {}, "integer"),
        ("seed", "1", "integer"),
        ("repeat_last_n", math.inf, "integer"),
        ("temperature", "hot", "float32"),
        ("temperature", False, "float32"),
        ("top_p", math.inf, "float32"),
        ("min_p", math.nan, "float32"),
        ("presence_penalty", 10**400, "float32"),
        ("num_ctx", 10**400, "integer"),
        ("stop", 5, "array"),
        ("stop", {"a": 1}, "array"),
        ("stop", ["a", 5], "an array of strings"),
    ],
)
def test_option_of_the_wrong_type_is_refused_by_name(name: str, value: Any, kind: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read({name: value})
    assert str(refusal.value) == f'option "{name}" must be of type {kind}'.replace("type an array", "an array").replace(
        "must be an array", "must be of an array"
    )


def test_too_many_stops_are_refused() -> None:
    with pytest.raises(InvalidRequest, match=f"at most {MAX_STOPS}"):
        read({"stop": ["x"] * (MAX_STOPS + 1)})


def test_defaults_are_ollamas() -> None:
    options = read({})

    assert options == Options(num_ctx=4096, max_tokens=None, stop=[], sampling=SamplingParams())
    assert (options.sampling.temperature, options.sampling.top_k, options.sampling.repeat_penalty) == (0.8, 40, 1.0)


def test_request_goes_before_modelfile_and_stops_are_replaced() -> None:
    modelfile = {"temperature": 0.1, "top_k": 5, "stop": ["a", "b"], "num_ctx": 2048}
    options = read({"temperature": 0.9, "stop": ["c"]}, modelfile)

    assert (options.sampling.temperature, options.sampling.top_k) == (0.9, 5)
    assert (options.stop, options.num_ctx) == (["c"], 2048)
    assert read({"stop": None, "num_ctx": None}, modelfile).stop == ["a", "b"]


def test_unknown_and_retired_options_are_passed_over() -> None:
    assert read({"tfs_z": 1, "f16_kv": True, "penalize_newline": 2}) == read({})


def test_every_option_can_stand_in_a_modelfile() -> None:
    # It says which text or token is weighed how much, for which a line has no form.
    assert _READERS.keys() - {"logit_bias"} <= KNOWN - DEPRECATED


@pytest.mark.parametrize(
    ("asked", "num_ctx"), [(2048, 2048), (0, 4), (-5, 4), (8192, 8192), (131072, 8192), (1000.9, 1000), (2**70, 8192)]
)
def test_context_stays_between_four_and_what_the_model_was_trained_for(asked: float, num_ctx: int) -> None:
    assert read({"num_ctx": asked}).num_ctx == num_ctx


@pytest.mark.parametrize(("asked", "max_tokens"), [(-1, None), (-2, None), (0, 0), (5, 5), (5.9, 5), (2**70, 2**31 - 1)])
def test_number_of_tokens_to_predict(asked: float, max_tokens: int | None) -> None:
    assert read({"num_predict": asked}).max_tokens == max_tokens


@pytest.mark.parametrize(("asked", "seed"), [(-1, -1), (-7, -1), (0, 0), (42, 42), (2**32 + 5, 5), (2**80, 0)])
def test_seed_fits_the_sampler(asked: int, seed: int) -> None:
    assert read({"seed": asked}).sampling.seed == seed


def test_one_stop_may_be_a_string_and_empty_ones_are_dropped() -> None:
    assert read({"stop": "x"}).stop == ["x"]
    assert read({"stop": ["", "x", ""]}).stop == ["x"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "Unsupported type: 'bool'"),
        (False, "Unsupported type: 'bool'"),
        ([], "Unsupported type"),
        ({}, "Unsupported type"),
        ("soon", "invalid duration"),
        ("5 minutes", "invalid duration"),
    ],
)
def test_keep_alive_of_another_kind_is_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidRequest, match=f"keep_alive: {message}"):
        read_keep_alive(value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), ("", None), (42, 42), (42.5, 42.5), ("42m", 2520), ("1h30m", 5400), ("10s", 10), (-1, FOREVER),
        (-3.14, FOREVER), ("-1m", FOREVER), (0, 0), ("0", 0), ("0s", 0), ("1d", 86400), ("10", 10), (10**400, 2**62),
    ],
)  # fmt: skip
def test_keep_alive_in_seconds(value: Any, seconds: float | None) -> None:
    assert read_keep_alive(value) == seconds


@pytest.mark.parametrize(
    ("value", "message"), [("invalid", 'invalid think value: "invalid"'), (5, "must be a boolean or string"), ([], "must be")]
)
def test_think_of_another_kind_is_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        read_think(value)


@pytest.mark.parametrize(
    ("value", "meaning"),
    [(None, None), (True, True), (False, False), ("high", "high"), ("max", "max"), ("true", True), ("false", False), ("", None)],
)
def test_think(value: Any, meaning: bool | str | None) -> None:
    assert read_think(value) == meaning


def test_every_sampling_option_is_taken() -> None:
    asked = {
        "mirostat": 2.0, "mirostat_tau": 4, "mirostat_eta": 0.2, "dry_multiplier": 0.8, "dry_base": 2, "dry_allowed_length": 3,
        "dry_penalty_last_n": 64, "dry_sequence_breakers": ["\n", ""], "xtc_probability": 0.5, "xtc_threshold": 0.2,
        "top_n_sigma": 1.5, "dynatemp_range": 0.5, "dynatemp_exponent": 2, "ignore_eos": True, "typical_p": 0.7, "min_p": 0.1,
    }  # fmt: skip

    sampling = read(asked).sampling

    assert {name: getattr(sampling, name) for name in asked} == {**asked, "dry_sequence_breakers": ("\n",)}


@pytest.mark.parametrize(
    ("value", "biases"),
    [
        ({"5": 1, " word": -2.5, "7": False}, {5: 1.0, " word": -2.5, 7: -math.inf}),
        ([[5, 1], ["x", False], ["6", 0.5]], {5: 1.0, "x": -math.inf, 6: 0.5}),
        ({"5": 1e300}, {5: 3.4e38}),
        ({}, {}),
    ],
)
def test_biases_are_taken_by_number_and_by_text(value: Any, biases: dict[int | str, float]) -> None:
    assert read({"logit_bias": value}).sampling.logit_bias == biases


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("logit_bias", 5),
        ("logit_bias", [5]),
        ("logit_bias", [[1, 2, 3]]),
        ("logit_bias", {"1": "x"}),
        ("logit_bias", {"1": True}),
        ("logit_bias", {"": 1}),
        ("logit_bias", [[-1, 1]]),
        ("logit_bias", [[1.5, 1]]),
        ("logit_bias", {"1": math.nan}),
        ("logit_bias", {str(n): 1 for n in range(2000)}),
        ("ignore_eos", 1),
        ("loop_guard", "no"),
        ("grammar", 5),
        ("grammar", "x" * 70_000),
        ("dry_sequence_breakers", 5),
        ("dry_sequence_breakers", ["x" * 50]),
        ("mirostat", 3),
        ("mirostat", -1),
        ("dry_base", 0.5),
        ("xtc_probability", 2),
        ("repeat_penalty", 0),
        ("dynatemp_range", -1),
        ("num_keep", "x"),
    ],
)
def test_value_that_makes_no_sense_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InvalidRequest, match=name):
        read({name: value})


def test_loading_options_are_read_and_bounded() -> None:
    options = read({"num_thread": 10_000, "num_gpu": 0, "num_batch": 10**9, "use_mmap": False, "main_gpu": 99}, {"num_thread": 1})

    assert options.load == LoadOptions(num_thread=os.cpu_count(), num_gpu=0, num_batch=8192, use_mmap=False, main_gpu=15)


def test_loading_options_are_automatic_where_they_say_so() -> None:
    asked = {"num_thread": 0, "num_gpu": -1, "num_batch": 0, "main_gpu": -1, "use_mlock": False, "use_mmap": True}

    assert read(asked).load == LoadOptions()
