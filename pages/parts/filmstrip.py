"""A filter on the page: at many moments in a row."""

from html import escape
from pathlib import Path

from cnn.convolution import SIDE
from pages.parts.filter_life import Strip
from pages.parts.numbers import readable
from pages.parts.pictures import picture
from pages.parts.thumbnails import thumbnail

STYLE = Path(__file__).parents[2] / "static" / "filter.css"


def strip_html(strip: Strip) -> str:
    """Draw a filter at each moment and, under it, what it makes of the digit."""
    image = (
        f'<figure class="digit"><img src="{thumbnail(strip.image)}" '
        f'alt="the image, {escape(strip.name)}">'
        f"<figcaption>the image ({escape(strip.name)})</figcaption></figure>"
    )
    return f'<div class="film">{image}{"".join(_moment(strip, at) for at in _places(strip))}</div>'


def _places(strip: Strip) -> range:
    return range(len(strip.steps))


def _moment(strip: Strip, at: int) -> str:
    step = int(strip.steps[at])
    *weights, bias = (readable(value) for value in strip.kernels[at].tolist())
    rows = "; ".join(" ".join(weights[SIDE * u : SIDE * u + SIDE]) for u in range(SIDE))
    words = f"the filter after step {step:,}: {rows}; bias {bias}"
    made = f"feature map after step {step:,}, up to {readable(float(strip.maps[at].max()))}"
    return (
        "<figure>"
        f"<figcaption>step {step:,}</figcaption>"
        f'<img src="{picture(strip.weights[at] / strip.largest_weight)}" '
        f'alt="{words}" title="{words}">'
        f'<img src="{picture(strip.maps[at] / strip.largest_value)}" alt="{made}" title="{made}">'
        f"<figcaption>b {bias}</figcaption>"
        "</figure>"
    )
