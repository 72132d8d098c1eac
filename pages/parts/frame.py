"""One step of training, packed into the bytes that the stage draws.

The layout, so that a second reader can be written from this paragraph: four bytes, the length of
the header as a little-endian uint32; the header, UTF-8 JSON, padded with spaces; then the arrays,
little-endian, in row order. The header is ``{"meta": {...}, "arrays": {name: {"dtype", "shape",
"offset"}}}``. An offset counts from the first byte of the frame and is a multiple of four, so a
browser can look at each array where it lies.

Every number on the stage comes from here: the browser draws, it does not compute.
"""

import json
import struct
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cnn.network import BiasRule
from cnn.step import Step
from pages.parts.reach import Reach, reach_of

ALIGNMENT = 4

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class Spot:
    """A cell on the stage.

    Attributes:
        panel: its name in ``static/stage/panels.js``, such as ``"z"`` or ``"delta0"``.
        filter: the filter that the stage shows, counted from 0.
        index: flat position in the panel; in a panel of a filter, 9 is the bias.
    """

    panel: str
    filter: int
    index: int


@dataclass(frozen=True)
class Worked:
    """The arithmetic of a cell in a line, where the stage cannot write it itself."""

    spot: Spot
    text: str


@dataclass(frozen=True)
class Scene:
    """What the stage shows around a step.

    Attributes:
        run_id: another text for another run; the fixed colour ranges start anew with it.
        first_reach: of the run's first step, where those ranges start; {} starts them here.
        playing: whether the next steps are already on their way.
        slow: seconds over which a new step lights up its stages, or None to show it at once.
        watching: position in the data of the digit that is shown instead of the step's own
            picture, with the step's parameters and without training on it; or None.
        batch_index: which image of the step's batch is shown.
        position: how many images of this epoch have been used, this step's included.
        epoch_size: how many images an epoch has.
        classes: the name of each of the ten outputs.
        bias_rule: the recipe's, see `cnn.network.backward`.
        rate_changes: (first step, learning rate), the run's schedule.
        pinned: the cell that the page writes out; the stage takes it over when it changes.
        covered: cells whose numbers are not shown, because a question asks for them.
        worked: the arithmetic of the cells that slow motion looks at.
        explains: whether the page explains a panel whose name is clicked.
        note: what is said above a picture that is not in the data, or "".
        told: whether the label is what the picture shows; else the network's guess stands for it.
        curve_steps: (m,), the steps at which the curves below are taken.
        curve_loss: (m,), the smoothed loss, in nats.
        curve_filters: (m, f, 9), the filters' weights after those steps.
    """

    run_id: str
    first_reach: Reach = field(default_factory=dict)
    playing: bool = False
    slow: float | None = None
    watching: int | None = None
    batch_index: int = 0
    position: int = 1
    epoch_size: int = 1
    classes: tuple[str, ...] = DIGITS
    bias_rule: BiasRule = "exact"
    rate_changes: tuple[tuple[int, float], ...] = ()
    pinned: Spot | None = None
    covered: tuple[Spot, ...] = ()
    worked: tuple[Worked, ...] = ()
    explains: bool = False
    note: str = ""
    told: bool = True
    curve_steps: npt.NDArray[Any] = field(default_factory=lambda: np.empty(0, np.float32))
    curve_loss: npt.NDArray[Any] = field(default_factory=lambda: np.empty(0, np.float32))
    curve_filters: npt.NDArray[Any] = field(default_factory=lambda: np.empty((0, 1, 9), np.float32))


def pack(step: Step, scene: Scene) -> bytes:
    """Pack one step, as seen by one image of its batch, and what surrounds it.

    Args:
        step: a trained step; all its filters are sent, and of the batch the image
            ``scene.batch_index``.
        scene: what the stage shows around it.

    Returns:
        The frame, in the layout of this module's description: about 18 kB for one filter,
        12.6 kB more for each further one, and the curves.

    Raises:
        IndexError: the batch has no image ``scene.batch_index``.
    """
    return join(_meta(step, scene), _arrays(step, scene))


def join(meta: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> bytes:
    """Lay a header and its arrays out in one piece (the layout of this module's description)."""
    header = {"meta": meta, "arrays": _places(arrays, start=0)}
    # Offsets are part of the header, whose length they depend on: a first try tells how long it
    # gets at most, and the rest is padded.
    room = _aligned(len(_json(header)) + 8 * len(arrays))
    header["arrays"] = _places(arrays, start=4 + room)
    pieces = [struct.pack("<I", room), _json(header).ljust(room)]
    for array in arrays.values():
        data = array.tobytes()
        pieces += data, bytes(_aligned(len(data)) - len(data))
    return b"".join(pieces)


def _meta(step: Step, scene: Scene) -> dict[str, Any]:
    image = scene.batch_index
    label = int(step.labels[image])
    return {
        "step": step.number,
        "run": scene.run_id,
        "reach": reach_of(step, image),
        "first_reach": scene.first_reach,
        "epoch": step.epoch,
        "position": scene.position,
        "epoch_size": scene.epoch_size,
        "playing": scene.playing,
        "slow": scene.slow,
        "watching": scene.watching,
        "batch": len(step.images),
        "batch_index": image,
        "index": int(step.indices[image]),
        "label": label,
        "predicted": int(step.forward.probabilities[image].argmax()),
        "filters": len(step.before.filters),
        "hidden": len(step.before.hidden_bias),
        "learning_rate": float(step.learning_rate),
        "classes": scene.classes,
        "bias_rule": scene.bias_rule,
        "rate_changes": scene.rate_changes,
        "explains": scene.explains,
        "note": scene.note,
        "told": scene.told,
        "pinned": asdict(scene.pinned) if scene.pinned else None,
        "covered": [asdict(spot) for spot in scene.covered],
        "worked": [asdict(one) for one in scene.worked],
    }


def _arrays(step: Step, scene: Scene) -> dict[str, npt.NDArray[Any]]:
    image = scene.batch_index
    forward, backward = step.forward, step.backward
    before, after, gradients = step.before, step.after, backward.gradients
    arrays: dict[str, npt.NDArray[Any]] = {
        "image": forward.x[image],  # (28, 28)
        "z": forward.z[image],  # (f, 26, 26), like the three below
        "feature_map": forward.feature_map[image],
        "backfill": backward.backfill[image],
        "dz": backward.dz[image],
        "pooled": forward.pooled[image],  # (f, 13, 13)
        "delta0": backward.delta0[image],  # (f, 13, 13)
        "filters_before": before.filters,  # (f, 3, 3)
        "filters_after": after.filters,
        "filters_change": after.filters - before.filters,
        "filters_gradient": gradients.filters,
        "filter_bias_before": before.filter_bias,  # (f,)
        "filter_bias_after": after.filter_bias,
        "filter_bias_change": after.filter_bias - before.filter_bias,
        "filter_bias_gradient": gradients.filter_bias,
        "z1": forward.z1[image],  # (h,)
        "a1": forward.a1[image],
        "delta1": backward.delta1[image],
        "z2": forward.z2[image],  # (c,)
        "probabilities": forward.probabilities[image],
        "delta2": backward.delta2[image],
        # In an array and not in the header, because JSON has no infinity.
        "loss": np.array([backward.losses[image], step.loss]),  # this image's, the batch's mean
        "curve_steps": scene.curve_steps,  # (m,)
        "curve_loss": scene.curve_loss,
        "curve_filters": scene.curve_filters,  # (m, f, 9)
    }
    frame = {name: array.astype("<f4") for name, array in arrays.items()}
    frame["winner"] = forward.winner[image].astype("<u2")  # (f, 13, 13), flat positions
    return frame


def _places(arrays: dict[str, npt.NDArray[Any]], start: int) -> dict[str, dict[str, Any]]:
    """Where each array lies when the first one starts at ``start``."""
    places: dict[str, dict[str, Any]] = {}
    for name, array in arrays.items():
        places[name] = {"dtype": array.dtype.name, "shape": array.shape, "offset": start}
        start += _aligned(array.nbytes)
    return places


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _json(header: dict[str, Any]) -> bytes:
    return json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
