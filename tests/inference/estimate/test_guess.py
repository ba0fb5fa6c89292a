import itertools

import pytest

from inference.estimate.guess import guess_file_type, guess_parameters, guess_shape, guess_size


def test_larger_models_are_guessed_larger() -> None:
    shapes = [guess_shape(parameters=count, size=1) for count in (1, 1e8, 5e8, 1e9, 4e9, 8e9, 3e10, 1e11, 1e13)]
    for small, large in itertools.pairwise(shapes):
        assert small.num_embd <= large.num_embd
    assert all(shape.num_layers > 0 and shape.kv_elements > 0 and shape.num_vocab > 0 for shape in shapes)


def test_published_models_are_met() -> None:
    shape = guess_shape(parameters=8.2e9, size=5_200_000_000)
    assert (shape.weight_bytes, shape.num_layers, shape.num_embd, shape.kv_elements) == (5_200_000_000, 36, 4096, 73_728)


@pytest.mark.parametrize(("parameters", "published"), [(8.19e9, 5.2e9), (32.8e9, 20e9), (4.02e9, 2.5e9), (70.6e9, 43e9)])
def test_size_by_parameters_is_about_that_of_published_files(parameters: float, published: float) -> None:
    assert guess_size(parameters) == pytest.approx(published, rel=0.06)
    assert guess_parameters(round(published)) == pytest.approx(parameters, rel=0.06)


@pytest.mark.parametrize(("bits", "kind"), [(4.9, "Q4_K_M"), (8.5, "Q8_0"), (16, "F16"), (6.5, "Q6_K"), (0, "Q3_K_M")])
def test_type_by_bits(bits: float, kind: str) -> None:
    assert guess_file_type(parameters=8e9, size=round(bits * 1e9)) == kind
