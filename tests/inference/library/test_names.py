import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.library.names import InvalidName, ModelName, parse_name

PART_80 = "a" * 80
HOST_350 = "h" * 350


@pytest.mark.parametrize(
    "text",
    [
        "", "^", "@", "mm:", "/nn/mm", "//", "hh//", "//mm:@", "00@", "m@d", "-m", "-n/m", "-h/n/m", "m:-t", "m:",
        "host/name:space/model:tag", "a/b/c/d", "h/a./m", "..", "../..", "h/n/..", ".hidden", "m:..", "n/m:a/b", "a b", "a\nb",
        "m\n", "模型", "x\0y", "a" * 81, f"n/m:{'t' * 81}", f"{'h' * 351}/n/m", "a" * 5000, "h/n/m:t\n",
    ],
)  # fmt: skip
def test_name_outside_the_grammar_is_refused(text: str) -> None:
    with pytest.raises(InvalidName):
        parse_name(text)


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("xx", "registry.ollama.ai/library/xx:latest"),
        ("xx:7b", "registry.ollama.ai/library/xx:7b"),
        ("n/m", "registry.ollama.ai/n/m:latest"),
        ("h/n/m:t", "h/n/m:t"),
        ("_why/_the/_lucky:_stiff", "_why/_the/_lucky:_stiff"),
        ("host/namespace/model:tag", "host/namespace/model:tag"),
        ("host:https/namespace/model:tag", "host:https/namespace/model:tag"),
        ("https://host/namespace/model:tag", "host/namespace/model:tag"),
        ("localhost:5000/n/m", "localhost:5000/n/m:latest"),
        ("hf.co/User/Repo-GGUF:Q4_K_M", "hf.co/User/Repo-GGUF:Q4_K_M"),
        ("a./n/m", "a./n/m:latest"),
        (f"{HOST_350}/{PART_80}/{PART_80}:{PART_80}", f"{HOST_350}/{PART_80}/{PART_80}:{PART_80}"),
    ],
)
def test_name_is_filled_with_the_defaults(text: str, full: str) -> None:
    assert str(parse_name(text)) == full


@pytest.mark.parametrize(
    ("text", "shortest"),
    [
        ("xx", "xx:latest"),
        ("registry.ollama.ai/library/xx:7b", "xx:7b"),
        ("Registry.Ollama.AI/Library/xx:7b", "xx:7b"),
        ("registry.ollama.ai/me/xx", "me/xx:latest"),
        ("host/library/model:tag", "host/library/model:tag"),
    ],
)
def test_shortest_form_keeps_the_tag(text: str, shortest: str) -> None:
    assert parse_name(text).shortest == shortest


def test_names_that_differ_in_case_fold_to_the_same() -> None:
    assert parse_name("mOdEl:TAG").folded == parse_name("MODEL:tag").folded


@given(st.text(max_size=60))
def test_any_text_is_refused_or_safe_as_a_path(text: str) -> None:
    try:
        name = parse_name(text)
    except InvalidName:
        return
    assert all("/" not in part and not part.startswith(".") and "\0" not in part for part in name.parts)
    assert parse_name(str(name)) == name
    assert parse_name(name.shortest).folded == ModelName(*name.parts).folded
