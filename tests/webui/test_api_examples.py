"""The examples beside API keys are programs as they stand, whatever the site and the model are called."""

import json
import shlex

import pytest

from webui.api_examples import examples_for


@pytest.mark.parametrize("model", ["smollm2:135m", 'hf.co/team/It\'s-a-"model":Q4_K_M', "模型"])
def test_examples_are_programs(model: str) -> None:
    examples = {example.name: example.code for example in examples_for("https://chat.example.org/hearth", model)}
    words = shlex.split(examples["curl"].replace("\\\n", " "))

    assert words[:2] == ["curl", "https://chat.example.org/hearth/v1/chat/completions"]
    assert "Authorization: Bearer YOUR_KEY" in words
    assert json.loads(words[-1])["model"] == model
    for name, host in (("python", "https://chat.example.org/hearth/v1"), ("ollama", "https://chat.example.org/hearth")):
        constants = compile(examples[name], name, "exec").co_consts
        flat = [item for constant in constants for item in (constant if isinstance(constant, tuple) else [constant])]
        assert {host, model} <= set(flat)
