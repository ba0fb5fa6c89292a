"""The grammar, with the cases of Ollama's own tests that its published behaviour is known by."""

import time
from pathlib import Path

import pytest

from inference.library.modelfile.errors import ModelfileError
from inference.library.modelfile.reader import MAX_BYTES, read_modelfile, read_modelfile_at


def test_every_command(tmp_path: Path) -> None:
    text = (
        "# comment\n\nFROM a\nFrom ./b.gguf\nADAPTER ad.gguf\nDRAFT d\nLICENSE MIT\nLICENSE Apache\nTEMPLATE {{ .Prompt }}\n"
        "SYSTEM You are kind.\nsystem You are rude.\nRENDERER r\nPARSER p\nREQUIRES 0.14.0\nPARAMETER temperature 0.7\n"
        "PARAMETER num_ctx 4096\nPARAMETER stop <a>\nPARAMETER stop <b>\nPARAMETER use_mmap false\nMESSAGE user Hi: you\n"
        "   MESSAGE assistant Hello  \r\n"
    )
    path = tmp_path / "Modelfile"
    path.write_text(text, newline="")

    found = read_modelfile_at(path)

    assert (found.sources, found.adapters, found.drafts) == (["a", "./b.gguf"], ["ad.gguf"], ["d"])
    assert (found.licenses, found.template, found.system) == (["MIT", "Apache"], "{{ .Prompt }}", "You are rude.")
    assert (found.renderer, found.parser, found.requires) == ("r", "p", "0.14.0")
    assert found.parameters == {"temperature": 0.7, "num_ctx": 4096, "stop": ["<a>", "<b>"], "use_mmap": False}
    assert found.messages == [{"role": "user", "content": "Hi: you"}, {"role": "assistant", "content": "Hello"}]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('"""\nThis is a\nmultiline system.\n"""', "\nThis is a\nmultiline system.\n"),
        ('"""\nThis is a\nmultiline system."""', "\nThis is a\nmultiline system."),
        ('"""This is a\nmultiline system."""', "This is a\nmultiline system."),
        ('"""This is a  \n\tmultiline system."""  ', "This is a  \n\tmultiline system."),
        ('"This is a\nmultiline system."', "This is a\nmultiline system."),
        ('"""a"""', "a"),
        ('""""""', ""),
        ('""', ""),
        ('"\'"', "'"),
        ('"""\nThis is a multiline "system" with \'quotes\'.\n"""', "\nThis is a multiline \"system\" with 'quotes'.\n"),
        ('"""a\r\nb"""\r', "a\r\nb"),
        ('""""quoted" text"""', '"quoted" text'),
        ('"""\n# no comment\n"""', "\n# no comment\n"),
        ("a # no comment", "a # no comment"),
        ("你好，世界", "你好，世界"),
    ],
)
def test_quoted_values(written: str, value: str) -> None:
    assert read_modelfile(f"FROM a\nSYSTEM {written}\nPARAMETER top_k 3\n").system == value


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "no FROM line"),
        ("SYSTEM hi\n", "no FROM line"),
        ("# FROM a\n", "no FROM line"),
        ("FROM", "unexpected EOF"),
        ("FROM \n", "unexpected EOF"),
        ('FROM a\nSYSTEM """a', "unexpected EOF"),
        ('FROM a\nSYSTEM """a""', "unexpected EOF"),
        ('FROM a\nSYSTEM """a"', "unexpected EOF"),
        ('FROM a\nSYSTEM "', "unexpected EOF"),
        ("FROM a\nPARAMETER top_k", "unexpected EOF"),
        ("FROM a\nMESSAGE user", "unexpected EOF"),
        ("FROM a\nBADCOMMAND x", '(line 2): command must be one of "from", "license", "template"'),
        ("FROM a\n\x00", "(line 2): command must be one of"),
        ("FROM a\n你好 x", "(line 2): command must be one of"),
        ("FROM a\n\nMESSAGE badguy x", '(line 3): message role must be one of "system", "user", or "assistant"'),
        ("FROM a\nPARAMETER nonsense 1", "unknown parameter 'nonsense'"),
        ("FROM a\nPARAMETER top_k 1.5", "invalid int value [1.5]"),
        ("FROM a\nPARAMETER top_k 99999999999999999999", "invalid int value [99999999999999999999]"),
        ("FROM a\nPARAMETER top_p x", "invalid float value [x]"),
        ("FROM a\nPARAMETER top_p nan", "invalid float value [nan]"),
        ("FROM a\nPARAMETER top_p 1e999", "invalid float value [1e999]"),
        ("FROM a\nPARAMETER use_mmap maybe", "invalid bool value [maybe]"),
        ("FROM a\nREQUIRES soon", "requires must be a valid semver"),
    ],
)
def test_what_is_wrong_is_said_in_ollamas_words(text: str, error: str) -> None:
    with pytest.raises(ModelfileError) as refusal:
        read_modelfile(text)
    assert str(refusal.value).startswith(error)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_with_their_byte_order_mark(encoding: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")

    found = read_modelfile(mark + "FROM a\nSYSTEM 你好\n".encode(encoding))

    assert (found.sources, found.system) == (["a"], "你好")


@pytest.mark.parametrize("content", [b"\xff\xfeF", b"FROM \xff\n", b"\x00\xd8" * 3])
def test_bytes_that_are_no_text(content: bytes) -> None:
    with pytest.raises(ModelfileError):
        read_modelfile(content)


def test_parameters_without_a_meaning_are_left_out() -> None:
    assert read_modelfile("FROM a\nPARAMETER low_vram true\nPARAMETER tfs_z 1\nPARAMETER TOP_K 3").parameters == {"top_k": 3}


def test_file_of_endless_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Modelfile"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ModelfileError, match="larger than 16 MiB"):
        read_modelfile_at(path)


def test_long_unclosed_quote_takes_time_in_proportion() -> None:
    started = time.perf_counter()
    with pytest.raises(ModelfileError):
        read_modelfile('FROM a\nLICENSE """' + "a line\n" * 400_000)
    assert time.perf_counter() - started < 5
