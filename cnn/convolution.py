"""The convolution of the notes (a cross-correlation) and the gradient of its filters.

Both are a matrix product of every image with its table of patches ("im2col"), so it is laid out
once a step. Three things make the tables quick to lay out and to use:

- Every image has a table of its own, small enough for the cache beside the core to keep it while
  the image's pixels are laid out, and while it meets every filter.
- A map is kept flat, with rows as long as the image's, so that the pixels under a filter's
  weight (u, v) are one run of the image, starting at its pixel (u, v). The last two columns of
  such a map, and the few values behind it that fill a multiple of 16 (see `blas_is_even`),
  belong to no position of the filter, and no view shows them.
- The table's last row is 1 everywhere: a bias is the weight of an input that is always 1, so
  the product adds it, and its gradient comes out beside those of the nine weights.
"""

from functools import cache

import numpy as np

from cnn.arrays import Array

SIDE = 3
"""Rows and columns of a filter."""

WEIGHTS = SIDE * SIDE + 1
"""Weights of a filter and, the last, its bias."""


AT_ONCE = 4
"""Filters that one product takes: see `blas_is_even`."""


def flat_size(rows: int, row: int) -> int:
    """Values of a flat map of an image of so many rows, each so long."""
    return -(-(rows - SIDE + 1) * row // 16) * 16


def patches(images: Array, out: Array | None = None) -> Array:
    """Lay the 3×3 patch under every position of the maps into a column, and a 1 below it.

    Args:
        images: (n, X+2, Y+2), contiguous.
        out: where to write, from an earlier call; a new array unless given.

    Returns:
        (n, 10, p), p from `flat_size`: ``[:, 3u+v, (Y+2)·i + j]`` is ``images[:, i+u, j+v]``
        for j < Y, and ``[:, 9]`` is 1.
    """
    n, rows, row = images.shape
    size = flat_size(rows, row)
    if out is None:
        out = np.zeros((n, WEIGHTS, size), images.dtype)
        out[:, -1] = 1
    run = (rows - SIDE + 1) * row - (SIDE - 1)  # from a map's first position to its last
    image, _, pixel = images.strides
    shifted = np.ndarray(  # a view: [:, u, v] is every image from its pixel (u, v) on
        (n, SIDE, SIDE, run), images.dtype, images, 0, (image, row * pixel, pixel, pixel)
    )
    np.copyto(out[:, :-1].reshape(n, SIDE, SIDE, size)[..., :run], shifted)
    return out


def convolve(patches: Array, kernels: Array, out: Array | None = None) -> Array:
    """Slide each filter over the images, no padding, stride 1, and add its bias.

    ``z[i,j] = Σ_u Σ_v k[u,v]·x[i+u, j+v] + b``, u and v in 0..2 (the notes, section 1).

    Where two patches are equal, so are the bits of their z: rounding may not decide which of
    them wins the pooling. Not every BLAS keeps to that; where it does not, einsum takes its place.

    Args:
        patches: (n, 10, p), from `patches`.
        kernels: (f, 10), each filter row by row, then its bias.
        out: where to write; a new array unless given.

    Returns:
        z, (n, f, p), of which X·(Y+2) are the map, whose last two columns mean nothing.
    """
    n, _, size = patches.shape
    f = len(kernels)
    z = np.empty((n, f, size), kernels.dtype) if out is None else out
    for first in range(0, f, AT_ONCE):
        some = slice(first, first + AT_ONCE)
        if blas_is_even(min(f - first, AT_ONCE), size, kernels.dtype.char):
            np.matmul(kernels[some], patches, out=z[:, some])
        else:
            np.einsum("fw,nwp->nfp", kernels[some], patches, out=z[:, some])
    return z


@cache
def blas_is_even(f: int, size: int, dtype: str) -> bool:
    """Try whether this machine's BLAS rounds a sum alike wherever in a map it stands.

    OpenBLAS has other instructions for the edge of a matrix than for its middle, and some of them
    round otherwise: with AVX2, those for a row of float32 that is no multiple of 16, and those
    for eight rows.

    Args:
        f: filters.
        size: of a flat map.
        dtype: "f" or "d", as `numpy.dtype.char` has them.
    """
    generator = np.random.default_rng(0)
    kernels = generator.normal(size=(f, WEIGHTS)).astype(dtype)
    patch = generator.normal(size=(64, WEIGHTS, 1)).astype(dtype)
    z = np.matmul(kernels, np.repeat(patch, size, axis=2))
    return bool((z == z[:, :, :1]).all())


def kernel_gradient(dz: Array, patches: Array, out: Array | None = None) -> Array:
    """Return what each filter weight and bias adds to the loss, summed over the images.

    ``dk[u,v] = Σ_i Σ_j dz[i,j]·x[i+u, j+v]`` and ``db = Σ_i Σ_j dz[i,j]`` (the notes,
    section 2, with the bias as section 5 corrects it).

    Args:
        dz: (n, f, p), gradient with respect to z, 0 where no position is.
        patches: (n, 10, p), from `patches`.
        out: where to write; a new array unless given.

    Returns:
        (f, 10), dk row by row, then db.
    """
    # From the last image on: its table was laid out last, and the cache may still hold it.
    of_each_image = np.matmul(dz[::-1], patches[::-1].transpose(0, 2, 1))  # (n, f, 10)
    gradient: Array = np.add.reduce(of_each_image, out=out)  # .sum() takes longer to call
    return gradient
