"""The convolution of the notes (a cross-correlation) and the gradient of its filters.

Both are a matrix product of every image with its table of patches ("im2col"), so it is laid out
once a step. Three things make the tables quick to lay out and to use:

- Every image has a table of its own, small enough for the cache beside the core to keep it while
  the image's pixels are laid out, and while it meets every filter.
- A map is kept flat, with rows as long as the image's, so that the pixels under a filter's
  weight (u, v) are one run of the image, starting at its pixel (u, v). The last two columns of
  such a map belong to no position of the filter, and no view shows them.
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
    """Lay the 3×3 patch under every position of the maps into a column, and a 1 below it.

    Args:
        images: (n, X+2, Y+2), contiguous.
        out: where to write, from an earlier call; a new array unless given.

    Returns:
        (n, 10, X·(Y+2)): ``[:, 3u+v, (Y+2)·i + j]`` is ``images[:, i+u, j+v]`` for j < Y, and
        ``[:, 9]`` is 1.
    """
    n, rows, row = images.shape
    positions = (rows - SIDE + 1) * row
    if out is None:
        out = np.zeros((n, WEIGHTS, positions), images.dtype)
        out[:, -1] = 1
    run = positions - (SIDE - 1)  # from a map's first position to its last
    image, _, pixel = images.strides
    shifted = np.ndarray(  # a view: [:, u, v] is every image from its pixel (u, v) on
        (n, SIDE, SIDE, run), images.dtype, images, 0, (image, row * pixel, pixel, pixel)
    )
    np.copyto(out[:, :-1].reshape(n, SIDE, SIDE, positions)[..., :run], shifted)
    return out


def convolve(patches: Array, kernels: Array, out: Array | None = None) -> Array:
    """Slide each filter over the images, no padding, stride 1, and add its bias.

    ``z[i,j] = Σ_u Σ_v k[u,v]·x[i+u, j+v] + b``, u and v in 0..2 (the notes, section 1).

    Args:
        patches: (n, 10, X·(Y+2)), from `patches`.
        kernels: (f, 10), each filter row by row, then its bias.
        out: where to write; a new array unless given.

    Returns:
        z, (n, f, X·(Y+2)), whose last two columns mean nothing.
    """
    z: Array = np.matmul(kernels, patches, out=out)
    return z


def kernel_gradient(dz: Array, patches: Array, out: Array | None = None) -> Array:
    """Return what each filter weight and bias adds to the loss, summed over the images.

    ``dk[u,v] = Σ_i Σ_j dz[i,j]·x[i+u, j+v]`` and ``db = Σ_i Σ_j dz[i,j]`` (the notes,
    section 2, with the bias as section 5 corrects it).

    Args:
        dz: (n, f, X·(Y+2)), gradient with respect to z, its last two columns 0.
        patches: (n, 10, X·(Y+2)), from `patches`.
        out: where to write; a new array unless given.

    Returns:
        (f, 10), dk row by row, then db.
    """
    # From the last image on: its table was laid out last, and the cache may still hold it.
    of_each_image = np.matmul(dz[::-1], patches[::-1].transpose(0, 2, 1))  # (n, f, 10)
    gradient: Array = np.add.reduce(of_each_image, out=out)  # .sum() takes longer to call
    return gradient
