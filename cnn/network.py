"""The network of the notes: one convolution, one pooling, two dense layers."""

from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from cnn.arrays import Array, Integers, read_only
from cnn.convolution import SIDE, WEIGHTS, convolve, flat_size, kernel_gradient, patches
from cnn.dense import dense, dense_backward, dense_gradient, relu, relu_gradient
from cnn.loss import cross_entropy, cross_entropy_gradient, log_softmax, one_hot
from cnn.pooling import backfill, max_pool

IMAGE = 28, 28
MAP = IMAGE[0] - SIDE + 1, IMAGE[1] - SIDE + 1
POOLED = MAP[0] // 2, MAP[1] // 2
ROW = IMAGE[1]  # as long a stored map's row is as the image's: see cnn/convolution.py
FLAT = flat_size(*IMAGE)
CLASSES = 10
PIXEL_MAX = 255
CHUNK = 32
"""Images gone through at once: enough for speed, few enough to stay in the cache."""

BiasRule = Literal["exact", "notes"]

PARAMETER_NAMES = (
    "filters",
    "filter_bias",
    "hidden_weights",
    "hidden_bias",
    "output_weights",
    "output_bias",
)


class Parameters:
    """Everything that is learned, or one gradient for each of it.

    One flat vector, so that an update, a copy or a comparison of all parameters is one
    operation. In it every layer's bias stands beside its weights, the way the layer uses them
    (`kernels`, `hidden`, `output`); the other attributes are views with the notes' shapes.

    Args:
        vector: all parameters: kernels, hidden, output.
        filters: f, how many filters.
        hidden: h, how many hidden units.

    Attributes:
        vector: (10f + h·(169f + 1) + 10·(h + 1),).
        kernels: (f, 10), each filter row by row, then its bias.
        hidden: (h, f·169 + 1), W1 and the column b1.
        output: (10, h + 1), W2 and the column b2.
        filters: (f, 3, 3), the notes' k.
        filter_bias: (f,), b.
        hidden_weights: (h, f·169), W1.
        hidden_bias: (h,), b1.
        output_weights: (10, h), W2.
        output_bias: (10,), b2.
    """

    __slots__ = ("hidden", "kernels", "output", "vector", *PARAMETER_NAMES)

    def __init__(self, vector: Array, filters: int, hidden: int) -> None:
        first, second = WEIGHTS * filters, vector.size - CLASSES * (hidden + 1)
        self.vector = vector
        self.kernels = vector[:first].reshape(filters, WEIGHTS)
        self.hidden = vector[first:second].reshape(hidden, pooled_size(filters) + 1)
        self.output = vector[second:].reshape(CLASSES, hidden + 1)
        self.filters = self.kernels[:, :-1].reshape(filters, SIDE, SIDE)
        self.filter_bias = self.kernels[:, -1]
        self.hidden_weights, self.hidden_bias = self.hidden[:, :-1], self.hidden[:, -1]
        self.output_weights, self.output_bias = self.output[:, :-1], self.output[:, -1]

    @classmethod
    def from_arrays(
        cls,
        filters: Array,
        filter_bias: Array,
        hidden_weights: Array,
        hidden_bias: Array,
        output_weights: Array,
        output_bias: Array,
    ) -> Self:
        """Join six arrays, of the shapes above, into one read-only set of parameters."""
        f, h = len(filters), len(hidden_bias)
        layers = (
            np.column_stack((filters.reshape(f, SIDE * SIDE), filter_bias)),
            np.column_stack((hidden_weights, hidden_bias)),
            np.column_stack((output_weights, output_bias)),
        )
        vector = np.concatenate([layer.reshape(-1) for layer in layers])
        read_only(vector)
        return cls(vector, f, h)

    def replaced(self, vector: Array) -> "Parameters":
        """Return parameters of the same shapes with other values."""
        return Parameters(vector, len(self.filters), len(self.hidden))

    def copied(self) -> "Parameters":
        """Return the same values, read-only, in memory of their own."""
        return self.astype(self.vector.dtype)

    def astype(self, dtype: npt.DTypeLike) -> "Parameters":
        """Return the same values, read-only, in another precision."""
        vector = self.vector.astype(dtype)
        read_only(vector)
        return self.replaced(vector)


def pooled_size(filters: int) -> int:
    """Values in the pooled maps of one image, f·169: what the hidden layer is given."""
    return filters * POOLED[0] * POOLED[1]


def draw_parameters(
    generator: np.random.Generator, filters: int = 1, hidden: int = 40
) -> Parameters:
    """Draw the weights that a run starts from; the biases start at 0.

    Weights that feed a ReLU have the variance 2 / inputs (He et al. 2015, arXiv 1502.01852),
    those that feed the softmax 1 / inputs, so that values and errors keep their size from
    layer to layer.

    Args:
        generator: where every draw comes from.
        filters: f, 1 unless asked.
        hidden: h, 40 unless asked.

    Returns:
        float32 parameters.
    """
    pooled = pooled_size(filters)

    def draw(variance: float, *shape: int) -> Array:
        return generator.standard_normal(shape, np.float32) * np.float32(variance**0.5)

    return Parameters.from_arrays(
        filters=draw(2 / SIDE**2, filters, SIDE, SIDE),
        filter_bias=np.zeros(filters, np.float32),
        hidden_weights=draw(2 / pooled, hidden, pooled),
        hidden_bias=np.zeros(hidden, np.float32),
        output_weights=draw(1 / hidden, CLASSES, hidden),
        output_bias=np.zeros(CLASSES, np.float32),
    )


class Forward:
    """Every value of a forward pass, batch first (the notes, section 1).

    Args:
        n: images in the batch.
        parameters: whose shapes and dtype the arrays take; `forward` fills them.
        in_place: write the feature map over z, which the pass then does not have. For training,
            which is quicker the less memory it goes through.

    Attributes:
        x: (n, 28, 28), the images, 0..1.
        patches: (n, 10, 736), the 3×3 patch under every position, and a 1.
        z: (n, f, 26, 26), convolution plus bias.
        feature_map: (n, f, 26, 26), ReLU(z); the notes' f.
        pooled: (n, f, 13, 13), the notes' P.
        a0: (n, f·169), the pooled maps flattened row by row.
        z1: (n, h).
        a1: (n, h), ReLU(z1).
        z2: (n, 10).
        log_probabilities: (n, 10), log softmax(z2).
        probabilities: (n, 10), softmax(z2); the notes' p.
    """

    def __init__(self, n: int, parameters: Parameters, in_place: bool = False) -> None:
        f, h, dtype = len(parameters.kernels), len(parameters.hidden), parameters.vector.dtype
        self.x = np.empty((n, *IMAGE), dtype)
        self.patches = patches(self.x)
        self._z = np.empty((n, f, FLAT), dtype)
        self._feature_map = self._z if in_place else np.empty_like(self._z)
        if not in_place:
            self.z = shown(self._z)
        self.feature_map = shown(self._feature_map)
        # What a dense layer is given ends with the 1 that its bias is the weight of.
        self._a0_and_1 = np.ones((n, pooled_size(f) + 1), dtype)
        self.a0 = self._a0_and_1[:, :-1]
        self.pooled = self.a0.reshape(n, f, *POOLED)  # a view, as are all of these
        self._winner: Integers = np.zeros(self.pooled.shape, np.int64)
        self.z1 = np.empty((n, h), dtype)
        self._a1_and_1 = np.ones((n, h + 1), dtype)
        self.a1 = self._a1_and_1[:, :-1]
        self.z2 = np.empty((n, CLASSES), dtype)
        self.log_probabilities = np.empty((n, CLASSES), dtype)
        self.probabilities = np.empty((n, CLASSES), dtype)

    @property
    def winner(self) -> Integers:
        """(n, f, 13, 13): each window's winner, its flat position in the 26×26 map."""
        row, column = np.divmod(self._winner % FLAT, ROW)
        winner = row * MAP[1] + column
        read_only(winner)
        return winner


def shown(maps: Array) -> Array:
    """Return the view of stored maps that everybody reads, (n, f, 736) → (n, f, 26, 26)."""
    return maps[..., : MAP[0] * ROW].reshape(*maps.shape[:2], MAP[0], ROW)[..., : MAP[1]]


def forward(
    parameters: Parameters, images: Integers | Array, out: Forward | None = None
) -> Forward:
    """Run the images through the network and keep every value on the way.

    Args:
        parameters: whose dtype everything is computed in.
        images: (n, 28, 28), uint8 pixels (divided by 255 here), or floating values that are
            0..1 already.
        out: an earlier pass of the same shapes, whose arrays are written over. A pass in
            read-only arrays of its own unless given.

    Returns:
        The values of section 1 of the notes.
    """
    values = out or Forward(len(images), parameters)
    if images.dtype == np.uint8:
        np.divide(images, values.x.dtype.type(PIXEL_MAX), out=values.x)
    else:
        np.copyto(values.x, images)
    look(parameters, values)
    judge(parameters, values)
    if out is None:
        read_only(*vars(values).values())
    return values


def look(parameters: Parameters, values: Forward) -> None:
    """Fill in a pass from the images to the pooled maps: convolution, ReLU, max pooling."""
    for start in range(0, len(values.x), CHUNK):
        some = slice(start, start + CHUNK)
        table = patches(values.x[some], out=values.patches[some])  # (n, 10, 736)
        convolve(table, parameters.kernels, out=values._z[some])  # (n, f, 736)
    relu(values._z, out=values._feature_map)
    _, values._winner = max_pool(values.feature_map, ROW, FLAT, out=values.pooled)


def judge(parameters: Parameters, values: Forward) -> None:
    """Fill in a pass from the pooled maps to the probabilities: two dense layers, softmax."""
    dense(values._a0_and_1, parameters.hidden, out=values.z1)  # (n, h)
    relu(values.z1, out=values.a1)
    dense(values._a1_and_1, parameters.output, out=values.z2)  # (n, 10)
    log_softmax(values.z2, out=values.log_probabilities)
    np.exp(values.log_probabilities, out=values.probabilities)


class Backward:
    """Every value of a backward pass, batch first (the notes, section 2).

    Args:
        n: images in the batch.
        parameters: whose shapes and dtype the arrays take; `backward` fills them.
        over: a forward pass over whose feature map dz is written: once the winners are known, no
            gradient needs it.

    Attributes:
        losses: (n,), each image's own cross-entropy, in nats.
        delta2: (n, 10), p − y.
        delta1: (n, h), the error of the hidden layer.
        delta0: (n, f, 13, 13), the error of the pooled maps.
        dz: (n, f, 26, 26), the error of the convolution: back-fill * ReLU'(f).
        gradients: one gradient for each parameter, the mean over the batch.
    """

    def __init__(self, n: int, parameters: Parameters, over: Forward | None = None) -> None:
        f, h, dtype = len(parameters.kernels), len(parameters.hidden), parameters.vector.dtype
        self.losses: Array  # `backward` puts new ones here, as it does with the winners
        self.delta2 = np.empty((n, CLASSES), dtype)
        self.delta1 = np.empty((n, h), dtype)
        self._delta0 = np.empty((n, pooled_size(f)), dtype)
        self.delta0 = self._delta0.reshape(n, f, *POOLED)
        self._dz = over._feature_map if over else np.empty((n, f, FLAT), dtype)
        self.dz = shown(self._dz)
        self._winner: Integers
        self.gradients = parameters.replaced(np.empty_like(parameters.vector))

    @property
    def loss(self) -> float:
        """The mean of the losses, in nats."""
        return float(self.losses.sum()) / len(self.losses)  # .mean() takes four times as long

    @property
    def backfill(self) -> Array:
        """(n, f, 26, 26): δ0 at every window's winner, also where the ReLU then blocks it."""
        maps = shown(backfill(self.delta0, self._winner, out=np.empty_like(self._dz)))
        read_only(maps)
        return maps


def backward(
    parameters: Parameters,
    forward: Forward,
    labels: Integers,
    bias_rule: BiasRule = "exact",
    out: Backward | None = None,
) -> Backward:
    """Send the error of a forward pass back to every parameter.

    Args:
        parameters: those that the forward pass used.
        forward: its values.
        labels: (n,), the true classes.
        bias_rule: "exact", ``db = Σ dz``; "notes", ``db = Σ dk``, which the notes wrote and
            which a finite difference refutes (the notes, section 5, last row).
        out: an earlier pass of the same shapes, whose arrays are written over. A pass in
            read-only arrays of its own unless given.

    Returns:
        The values of section 2 of the notes.
    """
    n = len(labels)
    values = out or Backward(n, parameters)
    gradients = values.gradients
    y = one_hot(labels, CLASSES, forward.z2.dtype)  # (n, 10)
    values.losses = cross_entropy(forward.log_probabilities, y)  # (n,)
    delta2 = cross_entropy_gradient(forward.probabilities, y, out=values.delta2)  # (n, 10)
    dense_gradient(delta2, forward._a1_and_1, out=gradients.output)
    delta1 = dense_backward(delta2, parameters.output_weights, out=values.delta1)  # (n, h)
    relu_gradient(delta1, forward.a1, out=delta1)
    dense_gradient(delta1, forward._a0_and_1, out=gradients.hidden)
    dense_backward(delta1, parameters.hidden_weights, out=values._delta0)  # (n, f·169)
    # A winner's value is the pooled value, so the ReLU can be asked before the back-fill.
    passed = relu_gradient(values.delta0, forward.pooled)  # (n, f, 13, 13)
    values._winner = forward._winner
    backfill(passed, forward._winner, out=values._dz)  # (n, f, 736)
    kernel_gradient(values._dz, forward.patches, out=gradients.kernels)  # (f, 10)
    if bias_rule == "notes":
        gradients.filters.sum(axis=(1, 2), out=gradients.filter_bias)
    if n > 1:
        gradients.vector[:] /= n
    if out is None:
        read_only(gradients.vector, values.losses, delta2, delta1, values.delta0, values.dz)
        values.gradients = gradients.replaced(gradients.vector)
    return values


def updated(
    parameters: Parameters,
    gradients: Parameters,
    learning_rate: float,
    out: Parameters | None = None,
) -> Parameters:
    """Take one step of gradient descent: ``θ − η·dθ`` (the notes, section 3).

    Args:
        parameters: θ, left as they are.
        gradients: dθ.
        learning_rate: η.
        out: parameters to write over; new, read-only ones unless given.

    Returns:
        The parameters after the step, of the same dtype.
    """
    vector = np.empty_like(parameters.vector) if out is None else out.vector
    np.multiply(gradients.vector, vector.dtype.type(learning_rate), out=vector)
    np.subtract(parameters.vector, vector, out=vector)
    if out is None:
        read_only(vector)
    return out or parameters.replaced(vector)
