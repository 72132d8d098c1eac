"""The convolution of the notes (a cross-correlation) and the gradient of its filters.

Both are one matrix product with the same table of patches ("im2col"), so it is laid out once
a step. Two things make the table quick to lay out and to use:

- A map is kept with rows as long as the image's, so that the pixels under a filter's weight
  (u, v) are one run of the image, starting at its pixel (u, v). The last two columns of such
  a map belong to no position of the filter, and no view shows them.
- The table's last row is 1 everywhere: a bias is the weight of an input that is always 1, so
  the product adds it, and its gradient comes out beside those of the nine weights.
"""

import numpy as np

from cnn.arrays import Array

SIDE = 3
"""Rows and columns of a filter."""

WEIGHTS = SIDE * SIDE + 1
"""Weights of a filter and, the last, its bias."""


def patches(images: Array, out: Array | None = None) -> Array:
    """Lay the 3×3 patch under every position of the map into a column, and a 1 below it.

    Args:
        images: (n, X+2, Y+2), contiguous.
        out: where to write, from an earlier call; a new array unless given.

    Returns:
        (10, n, X, Y+2): ``[3u+v, :, i, j]`` is ``images[:, i+u, j+v]`` for j < Y, and
        ``[9]`` is 1.
    """
    n, rows, row = images.shape
    X = rows - SIDE + 1
    if out is None:
        out = np.zeros((WEIGHTS, n, X, row), images.dtype)
        out[-1] = 1
    run = X * row - (SIDE - 1)  # from a map's first position to its last
    image, _, pixel = images.strides
    shifted = np.ndarray(  # a view: [u, v] is every image from its pixel (u, v) on
        (SIDE, SIDE, n, run), images.dtype, images, 0, (row * pixel, pixel, image, pixel)
    )
    np.copyto(out[:-1].reshape(SIDE, SIDE, n, X * row)[..., :run], shifted)
    return out


def convolve(patches: Array, kernels: Array, out: Array | None = None) -> Array:
    """Slide each filter over the images, no padding, stride 1, and add its bias.

    ``z[i,j] = Σ_u Σ_v k[u,v]·x[i+u, j+v] + b``, u and v in 0..2 (the notes, section 1).

    Args:
        patches: (10, n, X, Y+2), from `patches`.
        kernels: (f, 10), each filter row by row, then its bias.
        out: where to write; a new array unless given.

    Returns:
        z, (f, n, X, Y+2), whose last two columns mean nothing.
    """
    z = out if out is not None else np.empty((len(kernels), *patches.shape[1:]), patches.dtype)
    np.dot(kernels, patches.reshape(WEIGHTS, -1), out=z.reshape(len(kernels), -1))
    return z


def kernel_gradient(dz: Array, patches: Array) -> Array:
    """Return what each filter weight and bias adds to the loss, summed over the images.

    ``dk[u,v] = Σ_i Σ_j dz[i,j]·x[i+u, j+v]`` and ``db = Σ_i Σ_j dz[i,j]`` (the notes,
    section 2, with the bias as section 5 corrects it).

    Args:
        dz: (f, n, X, Y+2), gradient with respect to z, its last two columns 0.
        patches: (10, n, X, Y+2), from `patches`.

    Returns:
        (f, 10), dk row by row, then db.
    """
    gradient: Array = np.dot(dz.reshape(len(dz), -1), patches.reshape(WEIGHTS, -1).T)
    return gradient
