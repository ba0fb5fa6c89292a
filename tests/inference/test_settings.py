import logging
import math
import tomllib
from pathlib import Path

import pytest

from inference.address import parse_address
from inference.durations import FOREVER, keep_alive_seconds, parse_duration
from inference.settings import SettingsError, read_settings
from inference.version import VERSION


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OLLAMA_NUM_PARALLEL", "many"),
        ("OLLAMA_NUM_PARALLEL", "-1"),
        ("OLLAMA_NUM_PARALLEL", "4.5"),
        ("OLLAMA_NUM_PARALLEL", "9" * 30),
        ("OLLAMA_NUM_PARALLEL", "٤"),
        ("OLLAMA_MAX_LOADED_MODELS", "-3"),
        ("OLLAMA_MAX_QUEUE", "0"),
        ("OLLAMA_MAX_QUEUE", "1e3"),
        ("OLLAMA_CONTEXT_LENGTH", "3"),
        ("OLLAMA_CONTEXT_LENGTH", "99999999999"),
        ("OLLAMA_KEEP_ALIVE", "soon"),
        ("OLLAMA_KEEP_ALIVE", "5 minutes"),
        ("OLLAMA_LOAD_TIMEOUT", "5x"),
        ("OLLAMA_KV_CACHE_TYPE", "q3_0"),
        ("OLLAMA_FLASH_ATTENTION", "maybe"),
        ("OLLAMA_GPU_OVERHEAD", "1GB"),
        ("OLLAMA_SCHED_SPREAD", "2"),
        ("OLLAMA_DEBUG", "3"),
        ("OLLAMA_PORT", "70000"),
        ("HEARTH_RUNNER_HANG_S", "0"),
        ("HEARTH_MAX_GAP_MS", "0"),
        ("HEARTH_KV_CACHE_MAX", "-1"),
        ("HEARTH_KV_CACHE_MAX", "much"),
        ("HEARTH_MAX_GAP_MS", "150ms"),
        ("HEARTH_LOG_LEVEL", "loud"),
        ("HEARTH_DATA", "/tmp/\0"),
    ],
)
def test_malformed_value_is_refused_by_the_variables_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} must be .*\.$"):
        read_settings({name: value})


def test_defaults() -> None:
    settings = read_settings({})

    assert settings.data_dir == Path("data").absolute()
    assert settings.models_dir == settings.data_dir / "models"
    assert settings.socket_path == settings.data_dir / "run" / "inference.sock"
    assert settings.address.url == "http://127.0.0.1:11434"
    assert (settings.keep_alive, settings.load_timeout) == (300, 300)
    assert (settings.num_parallel, settings.max_loaded_models, settings.max_queue) == (None, 3, 512)
    assert (settings.kv_cache_max, settings.kv_dir) == (4 * 1024**3, settings.data_dir / "kv")
    assert (settings.context_length, settings.max_gap_ms, settings.log_level) == (4096, 150, logging.INFO)


def test_values_are_trimmed_of_blanks_and_quotes() -> None:
    settings = read_settings({"OLLAMA_NUM_PARALLEL": ' "8" ', "OLLAMA_KEEP_ALIVE": "'24h'", "HEARTH_LOG_LEVEL": " DEBUG "})

    assert (settings.num_parallel, settings.keep_alive, settings.log_level) == (8, 86400, logging.DEBUG)


def test_zero_means_automatic_where_ollama_says_so() -> None:
    settings = read_settings({"OLLAMA_MAX_LOADED_MODELS": "0", "OLLAMA_CONTEXT_LENGTH": "0", "OLLAMA_LOAD_TIMEOUT": "0"})

    assert (settings.max_loaded_models, settings.context_length, settings.load_timeout) == (3, 4096, math.inf)


def test_variables_for_memory_and_gpus() -> None:
    settings = read_settings(
        {
            "OLLAMA_KV_CACHE_TYPE": "Q8_0",
            "OLLAMA_FLASH_ATTENTION": "1",
            "OLLAMA_GPU_OVERHEAD": "1073741824",
            "OLLAMA_SCHED_SPREAD": "true",
            "OLLAMA_NUM_PARALLEL": "0",
        }
    )

    assert (settings.kv_cache_type, settings.flash_attention) == ("q8_0", "on")
    assert (settings.gpu_overhead, settings.sched_spread, settings.num_parallel) == (2**30, True, None)


@pytest.mark.parametrize(("value", "choice"), [("", "auto"), ("0", "off"), ("false", "off"), ("yes", "on")])
def test_flash_attention_is_automatic_unless_decided(value: str, choice: str) -> None:
    assert read_settings({"OLLAMA_FLASH_ATTENTION": value}).flash_attention == choice


def test_quantized_cache_without_flash_attention_is_refused() -> None:
    with pytest.raises(SettingsError, match="OLLAMA_KV_CACHE_TYPE must be f16 while"):
        read_settings({"OLLAMA_KV_CACHE_TYPE": "q4_0", "OLLAMA_FLASH_ATTENTION": "0"})


def test_lists_are_separated_by_commas() -> None:
    settings = read_settings({"HEARTH_PRELOAD": " a, b:7b ,,", "OLLAMA_ORIGINS": "*"})

    assert (settings.preload, settings.origins) == (("a", "b:7b"), ("*",))


@pytest.mark.parametrize(
    ("variables", "level"),
    [({"OLLAMA_DEBUG": "1"}, logging.DEBUG), ({"OLLAMA_DEBUG": "2"}, logging.DEBUG), ({"OLLAMA_DEBUG": "0"}, logging.INFO)],
)
def test_ollamas_debug_is_a_level_unless_one_is_given(variables: dict[str, str], level: int) -> None:
    assert read_settings(variables).log_level == level
    assert read_settings({**variables, "HEARTH_LOG_LEVEL": "error"}).log_level == logging.ERROR


@pytest.mark.parametrize(("host", "port"), [("", 8080), ("0.0.0.0", 8080), ("0.0.0.0:9", 9), ("http://x", 80)])
def test_port_of_its_own_variable_counts_where_the_address_has_none(host: str, port: int) -> None:
    assert read_settings({"OLLAMA_HOST": host, "OLLAMA_PORT": "8080"}).address.port == port


@pytest.mark.parametrize(("value", "seconds"), [("-1", FOREVER), ("-1m", FOREVER), ("0", 0), ("90", 90), ("1d", 86400)])
def test_keep_alive_of_the_environment(value: str, seconds: float) -> None:
    assert read_settings({"OLLAMA_KEEP_ALIVE": value}).keep_alive == seconds


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        (":1234", "http://:1234"),
        ("1.2.3.4:1234", "http://1.2.3.4:1234"),
        ("example.com", "http://example.com:11434"),
        (":0", "http://:0"),
        (":66000", "http://:11434"),
        (":-1", "http://:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("::1", "http://[::1]:11434"),
        ("[::1]:1337", "http://[::1]:1337"),
        (" 1.2.3.4 ", "http://1.2.3.4:11434"),
        ('"1.2.3.4"', "http://1.2.3.4:11434"),
        ("'1.2.3.4'", "http://1.2.3.4:11434"),
        ("http://1.2.3.4", "http://1.2.3.4:80"),
        ("https://1.2.3.4", "https://1.2.3.4:443"),
        ("https://example.com/ollama", "https://example.com:443/ollama"),
        ("ollama.com", "https://ollama.com:443"),
        ("0.0.0.0:11434", "http://0.0.0.0:11434"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(value: str, url: str) -> None:
    assert parse_address(value).url == url


@pytest.mark.parametrize(
    ("value", "is_loopback"),
    [
        ("", True),
        ("localhost:1", True),
        ("[::1]:1", True),
        ("127.9.9.9", True),
        (":1", False),
        ("0.0.0.0", False),
        ("a.b", False),
    ],
)
def test_address_knows_whether_it_is_loopback(value: str, is_loopback: bool) -> None:
    assert parse_address(value).is_loopback is is_loopback


@pytest.mark.parametrize("text", ["", " ", "h", "1d2", "m5", "1h 30m", "--5m", "5mm", "1e3s", "∞"])
def test_duration_of_another_shape_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("42m", 2520), ("1h30m", 5400), ("10s", 10), ("1.5h", 5400), ("500ms", 0.5), ("-1m", -60), ("0", 0), ("-3.14", -3.14)],
)
def test_duration_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)
    assert keep_alive_seconds(parse_duration(text)) == (FOREVER if seconds < 0 else pytest.approx(seconds))


def test_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())

    assert project["project"]["version"] == VERSION
    assert all(part.isdecimal() for part in VERSION.split("."))
