import math
import re
from pathlib import Path

import pytest

from inference.benchmark.perplexity import Perplexity, measure_perplexity, texts
from inference.errors import ModelLoadFailed
from tests.inference.tiny_models import VOCABULARY, write_llama


async def perplexity_of(path: Path) -> Perplexity:
    (found,) = [step async for step in measure_perplexity(path, "tiny") if isinstance(step, Perplexity)]
    return found


def test_texts_are_long_enough_in_both_languages() -> None:
    english, chinese = texts()
    assert len(english.split()) > 1000
    assert len(re.findall(r"[\u4e00-\u9fff]", chinese)) > 900


async def test_perplexity_of_random_weights_is_about_that_of_a_guess(tmp_path: Path) -> None:
    found = await perplexity_of(write_llama(tmp_path / "m.gguf", None, num_ctx=256))
    assert found.tokens > 500
    assert 1.0 < found.perplexity < len(VOCABULARY) * 100
    assert math.isfinite(found.perplexity)
    assert await perplexity_of(tmp_path / "m.gguf") == found


async def test_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF and nothing more")
    with pytest.raises(ModelLoadFailed, match="The quality of tiny cannot be measured"):
        await perplexity_of(tmp_path / "m.gguf")
