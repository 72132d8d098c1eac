"""A frame, read back by a reader that knows only its description."""

import json
import struct
from typing import Any

import numpy as np
import pytest

from cnn import Step, backward, forward, updated
from cnn.network import draw_parameters
from pages.parts.frame import Scene, Spot, Worked, join, pack


def trained(filters: int = 1, batch: int = 1) -> Step:
    """Step 412 of a run that never was, at the rate 0.03."""
    generator = np.random.default_rng(7)
    images = generator.integers(0, 256, (batch, 28, 28), np.uint8)
    labels = generator.integers(0, 10, batch)
    before = draw_parameters(generator, filters)
    values = forward(before, images)
    errors = backward(before, values, labels)
    return Step(
        number=412,
        epoch=2,
        indices=labels + 100,
        images=images,
        labels=labels,
        learning_rate=0.03,
        before=before,
        after=updated(before, errors.gradients, 0.03),
        forward=values,
        backward=errors,
    )


def read(frame: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Written from the description in `pages.parts.frame`, not from its code."""
    (length,) = struct.unpack_from("<I", frame)
    header = json.loads(frame[4 : 4 + length].decode("utf-8"))
    arrays = {}
    for name, place in header["arrays"].items():
        dtype = np.dtype(place["dtype"]).newbyteorder("<")
        assert place["offset"] % 4 == 0, name
        assert place["offset"] >= 4 + length, name
        count = int(np.prod(place["shape"]))
        flat = np.frombuffer(frame, dtype, count, place["offset"])
        arrays[name] = flat.reshape(place["shape"])
    return header["meta"], arrays


SHAPES = {
    "image": (28, 28),
    "z": ("f", 26, 26),
    "feature_map": ("f", 26, 26),
    "backfill": ("f", 26, 26),
    "dz": ("f", 26, 26),
    "pooled": ("f", 13, 13),
    "delta0": ("f", 13, 13),
    "winner": ("f", 13, 13),
    "filters_before": ("f", 3, 3),
    "filters_after": ("f", 3, 3),
    "filters_change": ("f", 3, 3),
    "filters_gradient": ("f", 3, 3),
    "filter_bias_before": ("f",),
    "filter_bias_after": ("f",),
    "filter_bias_change": ("f",),
    "filter_bias_gradient": ("f",),
    "z1": (40,),
    "a1": (40,),
    "delta1": (40,),
    "z2": (10,),
    "probabilities": (10,),
    "delta2": (10,),
    "loss": (2,),
    "curve_steps": (0,),
    "curve_loss": (0,),
    "curve_filters": (0, 1, 9),
}


@pytest.mark.parametrize(("filters", "batch"), [(1, 1), (1, 32), (8, 1), (8, 32)])
def test_every_array_has_its_shape_and_type(filters: int, batch: int) -> None:
    _, arrays = read(pack(trained(filters, batch), Scene("run")))

    sides = {"f": filters}
    assert {name: array.shape for name, array in arrays.items()} == {
        name: tuple(sides.get(side, side) for side in shape) for name, shape in SHAPES.items()
    }
    for name, array in arrays.items():
        assert array.dtype == ("<u2" if name == "winner" else "<f4"), name


@pytest.mark.parametrize("batch_index", [0, 5])
def test_the_maps_are_those_of_one_image_and_the_gradients_of_the_batch(batch_index: int) -> None:
    step = trained(filters=3, batch=6)
    _, arrays = read(pack(step, Scene("run", batch_index=batch_index)))

    own = {
        "image": step.forward.x,
        "z": step.forward.z,
        "feature_map": step.forward.feature_map,
        "pooled": step.forward.pooled,
        "winner": step.forward.winner,
        "z1": step.forward.z1,
        "a1": step.forward.a1,
        "z2": step.forward.z2,
        "probabilities": step.forward.probabilities,
        "delta2": step.backward.delta2,
        "delta1": step.backward.delta1,
        "delta0": step.backward.delta0,
        "backfill": step.backward.backfill,
        "dz": step.backward.dz,
    }
    for name, values in own.items():
        np.testing.assert_array_equal(arrays[name], values[batch_index], err_msg=name)
    shared = {
        "filters_before": step.before.filters,
        "filters_after": step.after.filters,
        "filters_gradient": step.backward.gradients.filters,
        "filter_bias_before": step.before.filter_bias,
        "filter_bias_after": step.after.filter_bias,
        "filter_bias_gradient": step.backward.gradients.filter_bias,
    }
    for name, values in shared.items():
        np.testing.assert_array_equal(arrays[name], values, err_msg=name)
    for name in ("filters", "filter_bias"):
        np.testing.assert_allclose(
            arrays[f"{name}_change"], -0.03 * arrays[f"{name}_gradient"], atol=1e-7
        )
    # −log p of the true class, from the probabilities that the frame itself carries.
    p = arrays["probabilities"][step.labels[batch_index]]
    np.testing.assert_allclose(arrays["loss"], [-np.log(p), step.loss], rtol=1e-5)


def test_what_surrounds_the_step() -> None:
    step = trained(filters=2, batch=4)
    curves = np.arange(36, dtype=np.float32).reshape(2, 2, 9)
    scene = Scene(
        "run 1",
        first_reach={"maps": [0.5, 2.0]},
        playing=True,
        slow=4.0,
        watching=17,
        batch_index=3,
        position=80,
        epoch_size=4000,
        bias_rule="notes",
        rate_changes=((1, 0.01), (200, 0.03)),
        pinned=Spot("delta0", 1, 84),
        covered=(Spot("z", 0, 5),),
        worked=(Worked(Spot("hidden", 0, 3), "= 1 + 2"),),
        explains=True,
        curve_steps=np.array([1, 412]),
        curve_loss=np.array([2.5, np.nan]),
        curve_filters=curves,
    )
    meta, arrays = read(pack(step, scene))

    assert meta.pop("reach")["maps"] == pytest.approx(
        [max(abs(value) for value in z.ravel()) for z in step.forward.z[3]]
    )
    assert meta == {
        "step": 412,
        "run": "run 1",
        "first_reach": {"maps": [0.5, 2.0]},
        "epoch": 2,
        "position": 80,
        "epoch_size": 4000,
        "playing": True,
        "slow": 4.0,
        "watching": 17,
        "batch": 4,
        "batch_index": 3,
        "index": step.labels[3] + 100,
        "label": step.labels[3],
        "predicted": step.forward.probabilities[3].argmax(),
        "filters": 2,
        "hidden": 40,
        "learning_rate": 0.03,
        "classes": list("0123456789"),
        "bias_rule": "notes",
        "rate_changes": [[1, 0.01], [200, 0.03]],
        "pinned": {"panel": "delta0", "filter": 1, "index": 84},
        "note": "",
        "told": True,
        "covered": [{"panel": "z", "filter": 0, "index": 5}],
        "worked": [{"spot": {"panel": "hidden", "filter": 0, "index": 3}, "text": "= 1 + 2"}],
        "explains": True,
    }
    np.testing.assert_array_equal(arrays["curve_steps"], [1, 412])
    np.testing.assert_array_equal(arrays["curve_loss"], np.float32([2.5, np.nan]))
    np.testing.assert_array_equal(arrays["curve_filters"], curves)


def test_a_frame_stays_small() -> None:
    """Four maps and three pooled ones of a filter are 12.5 kB; the image is 3.1 kB."""
    one, eight = (len(pack(trained(filters), Scene("run"))) for filters in (1, 8))

    assert one < 19_000
    assert (eight - one) / 7 < 12_800
    assert len(pack(trained(1, batch=32), Scene("run"))) < one + 50


def test_an_image_that_the_batch_does_not_have_is_refused() -> None:
    with pytest.raises(IndexError):
        pack(trained(batch=2), Scene("run", batch_index=2))


def test_odd_sizes_are_padded_to_four() -> None:
    arrays = {
        "a": np.array([1, 2, 3], "<u2"),
        "nothing": np.empty((0, 9), "<f4"),
        "b": np.array([[0.5, -0.25]], "<f4"),
    }
    meta, read_back = read(join({"word": "größer"}, arrays))

    assert meta == {"word": "größer"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(read_back[name], array)
        assert read_back[name].dtype == array.dtype


def test_the_arithmetic_of_one_small_frame() -> None:
    """Four bytes of length, the header, then 2·3 = 6 bytes and two of padding, then 4."""
    frame = join({}, {"a": np.array([1, 2, 3], "<u2"), "b": np.array([1.0], "<f4")})
    (length,) = struct.unpack_from("<I", frame)

    assert length % 4 == 0
    assert len(frame) == 4 + length + 6 + 2 + 4
    assert frame[4 + length :] == b"\x01\0\x02\0\x03\0" + b"\0\0" + b"\0\0\x80\x3f"
