"""What the notes page says of every quantity, in the order of the notes."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from cnn import as_in_the_notes as loops
from cnn import convolution, dense, loss, network, pooling

Shown = Callable[..., Any]
"""A function whose source is shown."""


@dataclass(frozen=True)
class Section:
    """One row of the notes' tables, or two that belong together.

    Attributes:
        title: what it is about.
        quantities: keys of `cnn.arithmetic.EXPLANATIONS`; each has a live example.
        equation: in LaTeX.
        code: what runs in training.
        loops: the same as the notes write it; empty where there is nothing to loop over.
        how: how the code comes to the same numbers as the loops.
    """

    title: str
    quantities: tuple[str, ...]
    equation: str
    code: tuple[Shown, ...]
    loops: tuple[Shown, ...]
    how: str

    @property
    def anchor(self) -> str:
        """Where the section stands on the page."""
        return self.quantities[0].replace("_", "-")


def _lines(*equations: str) -> str:
    """Set equations below each other."""
    each = (rf"\displaystyle {equation}" for equation in equations)
    return r"\begin{array}{l}" + r" \\[14pt] ".join(each) + r"\end{array}"


FORWARD = (
    Section(
        "The image",
        ("x",),
        r"x_{i,j} = \frac{\mathrm{pixel}_{i,j}}{255}",
        (network.forward,),
        (loops.image,),
        "forward divides all pixels of all images at once, into an array that it was given or "
        "made, then calls the two halves of the network, which the next sections show.",
    ),
    Section(
        "The filter and its bias",
        ("filters", "filter_bias"),
        r"k \sim \mathcal{N}\!\left(0, \tfrac{2}{9}\right) \qquad b = 0",
        (network.draw_parameters,),
        (),
        "Drawn once, before the first step, from the run's seed: the same seed draws the same "
        "numbers. The dense weights are drawn in the same place. The notes only say “at random”; "
        "the variance keeps values and errors at about the same size from layer to layer.",
    ),
    Section(
        "The convolution",
        ("z",),
        r"z_{i,j} = \sum_{u=0}^{2} \sum_{v=0}^{2} k_{u,v} \, x_{i+u,\,j+v} + b",
        (convolution.convolve, convolution.patches),
        (loops.convolution,),
        "The code lays the 3×3 patch under every position into a column, with a 1 below it for "
        "the bias. Then sliding the filter over the image is one product of two matrices. "
        "Strictly this is a cross-correlation: the filter is not turned round.",
    ),
    Section(
        "The feature map",
        ("feature_map",),
        r"f_{i,j} = \mathrm{ReLU}(z_{i,j}) = \max(0,\, z_{i,j})",
        (dense.relu,),
        (loops.relu,),
        "np.maximum goes through the map itself; nothing else is different.",
    ),
    Section(
        "Max pooling and its winners",
        ("pooled",),
        _lines(
            r"P_{i,j} = \max_{0 \le n < 4} f_{2i+\lfloor n/2 \rfloor,\; 2j + n \bmod 2}",
            r"\mathrm{winner}_{i,j} = (2i + \lfloor n^*\!/2 \rfloor,\; 2j + n^* \bmod 2)",
            r"n^* = \text{the } n \text{ of the largest, the first on a tie}",
        ),
        (pooling.max_pool,),
        (loops.pooling,),
        "The code compares all windows at once: left with right, then top with bottom. It keeps a "
        "winner as one number, its position in memory, where the loops keep its row and column. "
        "Both let the first of equal values win. 26 rows make (26−2)/2 + 1 = 13 windows.",
    ),
    Section(
        "Flattening",
        ("a0",),
        r"a0_{\,13 i + j} = P_{i,j}",
        (network.look,),
        (loops.flatten,),
        "The code has nothing to do here: max_pool writes the pooled maps into memory that "
        "a0 reads as one long list. With several filters their lists follow one another.",
    ),
    Section(
        "The hidden layer",
        ("z1", "a1"),
        _lines(
            r"z1_r = \sum_{s} W1_{r,s} \, a0_s + b1_r",
            r"a1_r = \max(0,\, z1_r)",
        ),
        (dense.dense, dense.relu),
        (loops.dense, loops.relu),
        "The code keeps each bias as one more weight, of an input that is always 1, so that the "
        "matrix product adds it.",
    ),
    Section(
        "The scores and the probabilities",
        ("z2", "probabilities"),
        _lines(
            r"z2_c = \sum_{r} W2_{c,r} \, a1_r + b2_c",
            r"p_c = \frac{e^{z2_c - m}}{\sum_d e^{z2_d - m}}, \quad m = \max_d z2_d",
        ),
        (dense.dense, loss.log_softmax, loss.softmax),
        (loops.dense, loops.softmax),
        "The code takes the logarithm of softmax first, because the loss needs it, and p from "
        "that. Both take the largest score off, so that no power overflows.",
    ),
    Section(
        "The loss",
        ("loss",),
        r"L = -\sum_c y_c \log p_c = -\log p_{\mathrm{label}}",
        (loss.cross_entropy, loss.one_hot),
        (loops.cross_entropy,),
        "y is 1 at the true class and 0 elsewhere, so only one term is not 0. The code multiplies "
        "all ten and adds them up, for every image of the batch.",
    ),
)
"""Section 1 of the notes."""

BACKWARD = (
    Section(
        "The error of the output",
        ("delta2",),
        r"\delta2_c = \frac{\partial L}{\partial z2_c} = p_c - y_c",
        (loss.cross_entropy_gradient,),
        (loops.output_error,),
        "Softmax and cross-entropy together have this short derivative. It is the gradient of the "
        "loss, not the loss.",
    ),
    Section(
        "The gradients of W2 and b2",
        ("dW2", "db2"),
        _lines(r"dW2_{c,r} = \delta2_c \, a1_r", r"db2_c = \delta2_c"),
        (dense.dense_gradient,),
        (loops.weight_gradient,),
        "The bias is the weight of an input that is always 1, so its gradient is δ2 times 1: the "
        "last column of the product. With several images the product adds them up, and "
        "backward divides by their number.",
    ),
    Section(
        "The error of the hidden layer",
        ("delta1",),
        r"\delta1_r = \Big(\sum_c W2_{c,r} \, \delta2_c\Big) \cdot \mathrm{ReLU}'(z1_r)",
        (dense.dense_backward, dense.relu_gradient),
        (loops.through_weights, loops.through_relu),
        "Each weight carries the error back the way it carried the value: the same matrix, turned "
        "over. ReLU' is 1 where the unit is on and 0 where it is off.",
    ),
    Section(
        "The gradients of W1 and b1",
        ("dW1", "db1"),
        _lines(r"dW1_{r,s} = \delta1_r \, a0_s", r"db1_r = \delta1_r"),
        (dense.dense_gradient,),
        (loops.weight_gradient,),
        "The same function as for W2, one layer further back.",
    ),
    Section(
        "The error of the pooled map",
        ("delta0",),
        r"\delta0_{i,j} = \sum_r W1_{r,\,13 i + j} \, \delta1_r",
        (dense.dense_backward,),
        (loops.through_weights, loops.to_grid),
        "As for δ1, but without a ReLU: pooling has none. The code reads the list as a grid; the "
        "loops copy it into one.",
    ),
    Section(
        "The back-fill",
        ("backfill",),
        r"\mathrm{backfill}_{\mathrm{winner}_{i,j}} = \delta0_{i,j}, \quad 0 \text{ elsewhere}",
        (pooling.backfill,),
        (loops.back_fill,),
        "Only the winner of a window had a part in the pooled value, so it alone gets the error. "
        "The code writes all 169 at once, each to its winner's position.",
    ),
    Section(
        "The error of the convolution",
        ("dz",),
        r"dz_{i,j} = \mathrm{backfill}_{i,j} \cdot \mathrm{ReLU}'(f_{i,j})",
        (dense.relu_gradient, network.backward),
        (loops.through_relu,),
        "A winner that was 0 passes nothing back. backward asks the ReLU before the back-fill "
        "and not after it: the winner's value is the pooled value, so 169 questions do instead "
        "of 676.",
    ),
    Section(
        "The gradient of the filter",
        ("dk",),
        r"dk_{u,v} = \sum_{i=0}^{25} \sum_{j=0}^{25} dz_{i,j} \, x_{i+u,\,j+v}",
        (convolution.kernel_gradient,),
        (loops.filter_gradient,),
        "Each weight met 676 pixels, one at each position; the patches that the convolution laid "
        "out are those pixels. One product of matrices again.",
    ),
    Section(
        "The gradient of the filter's bias",
        ("db",),
        r"db = \sum_{i=0}^{25} \sum_{j=0}^{25} dz_{i,j}",
        (convolution.kernel_gradient,),
        (loops.filter_bias_gradient,),
        "The bias is the filter's tenth weight, and it met a 1 at every position: its gradient "
        "comes out of the same product. The notes slip here; see the last slip below.",
    ),
)
"""Section 2 of the notes."""

UPDATE = (
    Section(
        "Gradient descent",
        ("new_filters", "new_filter_bias"),
        r"\theta \leftarrow \theta - \eta \, d\theta",
        (network.updated,),
        (loops.update,),
        "Every parameter moves against its gradient. The code keeps all of them in one long "
        "vector, so that the update of thousands is one line; it makes a new vector, because "
        "somebody may still be looking at the old one.",
    ),
)
"""Section 3 of the notes."""


@cache
def source(function: Shown) -> str:
    """Return the code of a function, as it was when it was first asked for."""
    return inspect.getsource(function)


def home(function: Shown) -> str:
    """Return the file that a function stands in: ``cnn/convolution.py``."""
    return f"{function.__module__.replace('.', '/')}.py"
