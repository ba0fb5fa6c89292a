from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.library.modelfile.errors import ModelfileError
from inference.library.modelfile.modelfile import Modelfile
from inference.library.modelfile.reader import read_modelfile
from inference.library.modelfile.writer import format_modelfile, quote

PIECES = st.sampled_from(['"', '""', '"""', "'", "\n", "\r\n", " ", "\t", "#", "a", "FROM b", "PARAMETER top_k 1", "你好", "\\"])
TEXTS = st.lists(PIECES, max_size=8).map("".join) | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LINES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
PARAMETERS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "num_ctx": st.integers(-(2**63), 2**63 - 1),
        "temperature": st.floats(-1e30, 1e30, allow_nan=False).map(float),
        "use_mmap": st.booleans(),
        "stop": st.lists(TEXTS, min_size=1, max_size=3),
    },
)
MODELFILES = st.builds(
    Modelfile,
    sources=st.lists(LINES, min_size=1, max_size=2),
    adapters=st.lists(LINES, max_size=1),
    parameters=PARAMETERS,
    template=st.none() | TEXTS,
    system=st.none() | TEXTS,
    licenses=st.lists(TEXTS, max_size=2),
    messages=st.lists(
        st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": TEXTS}), max_size=2
    ),
)


def can_be_quoted(text: str) -> bool:
    return "\u200b" in text or "\u200b" not in quote(text)


def texts_of(modelfile: Modelfile) -> list[str]:
    optional = [text for text in (modelfile.template, modelfile.system) if text is not None]
    stops = modelfile.parameters.get("stop", [])
    return [*optional, *modelfile.licenses, *stops, *(message["content"] for message in modelfile.messages)]


@given(MODELFILES)
def test_what_is_written_is_read_as_it_was(modelfile: Modelfile) -> None:
    read = read_modelfile(format_modelfile(modelfile, header="Written by\na test").encode())

    if all(map(can_be_quoted, texts_of(modelfile))):
        assert read == modelfile
    else:
        assert [text.replace("\u200b", "") for text in texts_of(read)] == texts_of(modelfile)


@given(
    st.binary(max_size=200) | TEXTS.map(str.encode) | st.lists(PIECES).map(lambda parts: ("FROM a\n" + " ".join(parts)).encode())
)
def test_nothing_but_its_own_error_is_raised(content: bytes) -> None:
    try:
        read_modelfile(content)
    except ModelfileError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain text", "plain text"),
        ("", '""""""'),
        ("two\nlines", '"""two\nlines"""'),
        (" gap", '""" gap"""'),
        ('"quoted"', '""""quoted""""'),
        ('x"""\ny', '"""x"\u200b"\u200b"\ny"""'),
    ],
)
def test_quotes_only_where_they_are_needed(text: str, written: str) -> None:
    assert quote(text) == written


def test_whole_numbers_are_written_as_go_writes_them() -> None:
    modelfile = Modelfile(sources=["m"], parameters={"temperature": 0.0, "top_p": 0.5, "num_ctx": 8, "ignore_eos": True})
    assert format_modelfile(modelfile) == (
        "FROM m\nPARAMETER temperature 0\nPARAMETER top_p 0.5\nPARAMETER num_ctx 8\nPARAMETER ignore_eos true\n"
    )
