import json
import re
from collections import Counter
from pathlib import Path

import pytest

from inference.catalogue import catalogue
from inference.catalogue.catalogue import Family, choose_language, families, find_size, sizes_of
from inference.estimate.guess import guess_size
from inference.library.names import parse_name
from inference.library.quantize import KINDS

CAPABILITIES = {"completion", "tools", "thinking", "vision", "insert", "embedding", "rerank"}
HAN = re.compile(r"[\u4e00-\u9fff]")


def test_every_file_is_read_and_named_after_its_family() -> None:
    files = sorted(path.stem for path in (Path(catalogue.__file__).parent / "families").iterdir())
    assert files == sorted(family.family for family in families())
    assert len(files) >= 30


def test_names_are_valid_and_stand_once() -> None:
    names = [parse_name(size.name).folded for family in families() for size in sizes_of(family)]
    assert [name for name, count in Counter(names).items() if count > 1] == []


@pytest.mark.parametrize("family", families(), ids=lambda family: family.family)
def test_family_is_complete(family: Family) -> None:
    for text in (family.vendor, family.summary, family.good_for):
        assert sorted(text) == ["en", "zh-hans"]
        assert all(value.strip() for value in text.values())
    for text in (family.summary, family.good_for):
        assert HAN.search(text["zh-hans"]) and not HAN.search(text["en"])
        assert text["en"].endswith(".") and text["zh-hans"].endswith(("。", "）。"))
    assert family.title and family.license
    assert all(re.fullmatch("[a-z]{2}", language) for language in family.languages)
    assert family.sizes


@pytest.mark.parametrize("family", families(), ids=lambda family: family.family)
def test_sizes_are_possible(family: Family) -> None:
    for size in sizes_of(family):
        assert set(size.capabilities) <= CAPABILITIES and size.capabilities
        assert size.quantization in {*KINDS, "MXFP4"}
        assert 0 < size.active_parameters <= size.parameters
        assert 256 <= size.context <= 2**20
        # A slip of a digit shows here: what the parameters take in this type, with a projector or a large vocabulary beside.
        assert 0.7 < size.download_bytes / guess_size(size.parameters, size.quantization) < 1.7, size.name


def test_chinese_is_well_represented() -> None:
    chinese = [family for family in families() if "zh" in family.languages]
    assert len(chinese) >= 15
    assert {"embedding", "rerank", "vision", "thinking", "insert"} <= {
        capability for family in chinese for size in sizes_of(family) for capability in size.capabilities
    }


def test_first_families_include_sizes_for_small_machines() -> None:
    assert any(size.download_bytes < 1e9 for family in families()[:3] for size in sizes_of(family))


@pytest.mark.parametrize(
    ("asked", "language"),
    [("zh-hans", "zh-hans"), ("zh-CN,zh;q=0.9", "zh-hans"), ("zh_TW", "zh-hans"), ("en", "en"), ("de-AT", "en"), ("", "en")],
)
def test_language_nearest_to_what_was_asked(asked: str, language: str) -> None:
    assert choose_language(asked) == language


def test_size_is_found_by_name_in_any_case() -> None:
    found = find_size(parse_name("QWEN3:8B"))
    assert found is not None and found.parameters > 8e9 and found.license == "Apache-2.0"
    assert find_size(parse_name("qwen3:9b")) is None


def test_unknown_field_is_refused() -> None:
    import msgspec

    path = next((Path(catalogue.__file__).parent / "families").iterdir())
    content = json.loads(path.read_text()) | {"licence": "a slip"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(content, Family)
