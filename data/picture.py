"""Any picture of a digit → 28×28 grey values, the way MNIST's own digits were made.

NIST's scans were black and white, ink on paper. For MNIST each digit was cut out, scaled so that
it just fits into 20×20 pixels with its aspect ratio kept, which left grey edges, and placed in
28×28 so that its centre of mass stands in the middle. A picture from a phone needs one thing more
before that: to find out what is ink and what is paper.

Pictures come from anywhere, so a picture's size is read from its header and judged before any of
its pixels are decoded.
"""

import io
import math
import warnings

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage

from data.error import DataError

MOST_BYTES = 20_000_000
MOST_PIXELS = 50_000_000  # a phone's largest; a JPEG of that size is decoded smaller
MOST_DECODED = 16_000_000  # pixels that are really decoded: with colours and opacity 64 MB
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")

ORIENTATION = 0x0112  # the EXIF tag

SIDE = 28
BOX = 20  # the digit itself fits into so many pixels
MIDDLE = 14  # row and column of the centre of mass, pixels counted from 0

LONGEST = 600  # pixels of the longer side that a digit is looked for in: enough for 20
FAINTEST = 25 / 255  # the least difference between ink and paper that is taken for a digit
THINNEST, USUAL = 1.2, 2.2  # pixels of 28: hardly a stroke of MNIST's is thinner, most are so wide

TOUCHING = np.ones((3, 3))
"""Pixels touch also at their corners."""

Grey = NDArray[np.float32]
"""Ink: 0 is paper, 1 is full ink."""


def digit_from_picture(content: bytes) -> NDArray[np.uint8]:
    """Return the digit in a picture file, (28, 28), 0 paper and 255 ink.

    Args:
        content: a PNG, JPEG, WebP or GIF file; of an animation the first picture counts. Turned
            as its EXIF data say, and laid on white where it is transparent. Dark on light and
            light on dark are both understood.

    Errors:
        DataError: no such picture, one that is too large, or no digit in it.
    """
    return digit_from_grey(_decoded(content))


def digit_from_grey(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the digit in a grey picture of any size, (28, 28), 0 paper and 255 ink.

    Errors:
        DataError: there is no digit in it.
    """
    return digit_from_ink(_ink(_dark_on_light(grey)))


def digit_from_ink(ink: Grey) -> NDArray[np.uint8]:
    """Cut out, scale into 20×20, and place by the centre of mass, as MNIST was made.

    Args:
        ink: (rows, columns), 0 paper to 1 ink.

    Returns:
        (28, 28), 0 to 255; its centre of mass at (14, 14) to half a pixel, since it is moved by
        whole pixels, as MNIST's digits were.

    Errors:
        DataError: there is no ink.
    """
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not rows.size:
        raise DataError("The picture is blank: use one with a digit that stands out.")
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scaled = _scaled(_not_too_thin(ink))
    (height, width), centre = scaled.shape, ndimage.center_of_mass(scaled)
    top, left = (
        # Rounded half up, and never so far that the digit would lose an edge.
        min(max(math.floor(MIDDLE - at + 0.5), 0), SIDE - size)
        for at, size in zip(centre, (height, width), strict=True)
    )
    digit = np.zeros((SIDE, SIDE), np.uint8)
    digit[top : top + height, left : left + width] = np.rint(255 * scaled)
    return digit


def _decoded(content: bytes) -> NDArray[np.uint8]:
    """Return a picture file's pixels in grey, upright, on white, (rows, columns)."""
    if len(content) > MOST_BYTES:
        raise DataError(
            f"The picture has more than {MOST_BYTES // 1_000_000} million bytes: "
            "save it smaller, a digit needs few pixels."
        )
    # What Pillow only warns of, such as damaged EXIF data or many pixels, is judged here.
    with warnings.catch_warnings(action="ignore"):
        return _opened(content)


def _opened(content: bytes) -> NDArray[np.uint8]:
    try:
        picture: Image.Image = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise DataError(
            "This is not a picture in PNG, JPEG, WebP or GIF: save it as one of these."
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except (OSError, SyntaxError, ValueError) as error:
        raise _damaged() from error
    with picture:
        claimed = picture.size
        picture.draft("L", (LONGEST, LONGEST))  # a JPEG can be decoded smaller, others ignore it
        if math.prod(claimed) > MOST_PIXELS or math.prod(picture.size) > MOST_DECODED:
            raise _too_large(claimed)
        try:
            return _grey(picture)
        except Image.DecompressionBombError as error:  # a GIF's picture larger than its header
            raise _too_large() from error
        # What Pillow and its decoders raise for damaged files is not written down anywhere.
        except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError) as error:
            raise _damaged() from error


def _too_large(size: tuple[int, int] | None = None) -> DataError:
    claimed = f"{size[0]:,} × {size[1]:,}" if size else "far too many"
    return DataError(
        f"The picture claims {claimed} pixels: save it smaller, 2,000 × 2,000 are plenty."
    )


def _damaged() -> DataError:
    return DataError("The picture is damaged or incomplete: copy or save it again.")


def _grey(picture: Image.Image) -> NDArray[np.uint8]:
    """Decode, and turn as the EXIF data say."""
    picture.load()
    orientation = picture.getexif().get(ORIENTATION, 1)
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    elif picture.mode == "P" or "transparency" in picture.info:
        picture = picture.convert("RGBA")
    picture = _smaller(picture)
    if "A" in picture.getbands():
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    picture = picture.convert("L")
    picture.getexif()[ORIENTATION] = orientation
    return np.asarray(ImageOps.exif_transpose(picture))


def _smaller(picture: Image.Image) -> Image.Image:
    """Average whole blocks of pixels until the longer side is near LONGEST."""
    factor = max(picture.size) // LONGEST
    if factor < 2:
        return picture
    # Black and white alone has no averages.
    return (picture.convert("L") if picture.mode == "1" else picture).reduce(factor)


def _dark_on_light(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Turn light ink on dark paper round.

    Paper is what most of the picture is. Where that is not clear, because the digit fills the
    picture, it is what most of the picture's border is.
    """
    middle = (int(grey.min()) + int(grey.max())) / 2
    light = grey > middle
    border = np.concatenate((light[0], light[-1], light[:, 0], light[:, -1]))
    share = light.mean()
    on_light = share > 0.5 if abs(share - 0.5) > 0.1 else border.mean() >= 0.5
    return grey if on_light else 255 - grey


def _ink(grey: NDArray[np.uint8]) -> Grey:
    """Tell ink from paper, also where a shadow lies over the paper.

    Args:
        grey: (rows, columns), dark ink on light paper.

    Returns:
        The same shape: 0 on paper, and what is not part of the digit taken away.
    """
    ink = 1 - (grey.astype(np.float32) + 1) / (_paper(grey) + 1)
    threshold = _otsu(ink)
    inked = ink > threshold
    if threshold < FAINTEST or not inked.any():
        raise DataError("The picture is blank: use one with a digit that stands out.")
    kept = _digit_alone(inked)
    below = ink[~inked]
    grain = float(np.median(below) + 5 * np.median(np.abs(below - np.median(below))))
    full = float(np.percentile(ink[kept], 75))
    # Grey edges belong to the strokes that they touch; anything else that faint is paper.
    parts, _ = ndimage.label(ink > max(FAINTEST / 2, grain), structure=TOUCHING)
    part_of_digit = np.isin(parts, np.unique(parts[kept])) & (parts > 0)
    return np.where(part_of_digit, np.clip(ink / full, 0, 1), 0).astype(np.float32)


def _paper(grey: NDArray[np.uint8]) -> Grey:
    """Return how light the paper is, everywhere, also under the ink.

    A morphological closing: strokes narrower than a third of the picture are filled with the
    paper around them, while a shadow, which is wider or only rises, stays.
    """
    step = max(1, min(grey.shape) // 100)  # paper changes slowly: few pixels tell it
    coarse = np.asarray(Image.fromarray(grey).reduce(step))
    window = max(3, min(coarse.shape) // 3)
    closed = ndimage.grey_closing(coarse, size=(window, window), mode="nearest")
    smooth = ndimage.uniform_filter(closed.astype(np.float32), max(1, window // 4), mode="nearest")
    if step == 1:
        return np.asarray(np.maximum(smooth, grey), np.float32)
    full = Image.fromarray(smooth).resize(grey.shape[::-1], Image.Resampling.BILINEAR)
    return np.asarray(np.maximum(np.asarray(full), grey), np.float32)


def _otsu(ink: NDArray[np.floating]) -> float:
    """Return the value that parts ink from paper best.

    Otsu's threshold: of all, the one that leaves the two sides' means farthest apart, weighed by
    their sizes (Otsu 1979, IEEE Transactions on Systems, Man, and Cybernetics 9, 62).
    """
    count, edges = np.histogram(ink, bins=256, range=(0.0, 1.0))
    middle = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(count)
    above = below[-1] - below
    total = np.cumsum(count * middle)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = (total / below - (total[-1] - total) / above) ** 2 * below * above
    best = np.nan_to_num(apart).max()
    # Between two peaks with nothing there, every value is as good: take the middle one.
    return float(edges[1:][np.nan_to_num(apart) >= best * (1 - 1e-9)].mean())


def _digit_alone(inked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Leave out specks, and what comes in over the border: a frame, the edge of the sheet.

    What touches the border is only left out if something of a digit's size remains.
    """
    parts, _ = ndimage.label(inked, structure=TOUCHING)
    border = np.unique(np.concatenate((parts[0], parts[-1], parts[:, 0], parts[:, -1])))
    within = _without_specks(np.where(np.isin(parts, border), 0, parts))
    found = np.argwhere(within)
    if len(found) and (np.ptp(found, axis=0).max() + 1) >= max(inked.shape) / 10:
        return within
    return _without_specks(parts)


def _without_specks(parts: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return where the parts are that have at least a fiftieth of the largest one's pixels."""
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(sizes[parts] > sizes.max() / 50)


def _not_too_thin(ink: Grey) -> Grey:
    """Widen a hairline, which would be next to nothing once the digit is scaled down."""
    scale = BOX / max(ink.shape)
    inside = np.pad(ink > 0.5, 1)
    if not inside.any():
        return ink
    # In a long stroke the mean distance from its edge is a quarter of its width.
    width = 4 * (ndimage.distance_transform_edt(inside)[inside].mean() - 0.25)
    if scale * width >= THINNEST:
        return ink
    # The digit grows by what its strokes grow, so it is scaled down a little more.
    radius = math.ceil((USUAL / scale - width) / 2 / (1 - USUAL / BOX))
    row, column = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disc = row**2 + column**2 <= radius**2 + 1
    return np.asarray(ndimage.grey_dilation(np.pad(ink, radius), footprint=disc), np.float32)


def _scaled(ink: Grey) -> Grey:
    """Scale so that the longer side is 20 pixels, each the mean of what it covers."""
    longer = max(ink.shape)
    height, width = (max(1, round(side * BOX / longer)) for side in ink.shape)
    # Repeated first, a pixel of the result covers many: then the mean of whole ones is exact.
    repeats = -(-20 * BOX // longer)
    fine = np.repeat(np.repeat(ink, repeats, axis=0), repeats, axis=1)
    scaled = Image.fromarray(fine).resize((width, height), Image.Resampling.BOX)
    return np.asarray(scaled)
