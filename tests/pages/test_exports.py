"""Exported parameters give the same probabilities in a runtime that is not ours."""

import io

import numpy as np
import onnxruntime
import pytest

from cnn import Recipe, Run, forward
from cnn.network import PARAMETER_NAMES
from data import Digits
from pages.parts.exports import parameters_npz, parameters_onnx


@pytest.fixture(scope="module", params=[(1, 40), (8, 5)], ids=["one filter", "eight filters"])
def run(request: pytest.FixtureRequest, digits: Digits) -> Run:
    filters, hidden = request.param
    run = Run(
        Recipe(filters=filters, hidden=hidden, batch=8, learning_rate=0.1),
        digits.images,
        digits.labels,
    )
    run.advance(1_000)
    return run


def test_onnx_gives_the_same_probabilities(run: Run, digits: Digits) -> None:
    session = onnxruntime.InferenceSession(parameters_onnx(run.parameters))
    images = np.float32(digits.held_out_images[:, np.newaxis]) / np.float32(255)
    (theirs,) = session.run(["probabilities"], {"image": images})
    ours = forward(run.parameters, digits.held_out_images).probabilities
    assert theirs.shape == (1_000, 10)
    assert np.abs(theirs - ours).max() <= 1e-5
    assert np.abs(ours - 0.1).max() > 0.5  # it has learned something to be equal in


def test_npz_holds_the_six_arrays(run: Run) -> None:
    with np.load(io.BytesIO(parameters_npz(run.parameters)), allow_pickle=False) as archive:
        assert sorted(archive.files) == sorted(PARAMETER_NAMES)
        for name in PARAMETER_NAMES:
            assert archive[name].tobytes() == getattr(run.parameters, name).tobytes(), name
