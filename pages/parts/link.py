"""A link to a step: an address that carries the recipe, the step and the page."""

from collections.abc import Mapping
from dataclasses import fields
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

from cnn import Recipe, RecipeError
from cnn.recipe import MAX_STEPS

STEP = "step"
"""The parameter that names the step; the others are a recipe's own, `Recipe.to_strings`."""


class Wanted(NamedTuple):
    """What an address asks for.

    Attributes:
        recipe: of the run.
        step: to which it is to be trained.
        ignored: what of the address made no sense, in one sentence, or None.
    """

    recipe: Recipe
    step: int
    ignored: str | None = None


DEFAULT = Wanted(Recipe(), 1)


def link(address: str, recipe: Recipe, step: int) -> str:
    """Return an address that opens a page at a step of a run.

    Args:
        address: of the page, as the visitor's browser has it.
        recipe: of the run; what it does after the step is left out.
        step: the step.
    """
    scheme, host, path, *_ = urlsplit(address)
    return urlunsplit((scheme, host, path or "/", query(recipe, step, until=step), ""))


def query(recipe: Recipe, step: int, until: int) -> str:
    """Return the parameters of such an address, with the changes of the rate until some step."""
    return urlencode(recipe.until(until).to_strings() | {STEP: str(step)}, safe=",:")


def wanted(parameters: Mapping[str, str]) -> Wanted:
    """Read the parameters of an address. Whatever they are, there is a run to show.

    A parameter that makes no sense gives the default run. Parameters that are not the app's,
    such as those that other sites add to a link, are left alone.
    """
    known = (STEP, *(field.name for field in fields(Recipe)))
    own = {name: text for name, text in parameters.items() if name in known}
    foreign = [name for name in parameters if name not in own]
    try:
        step = _step(own.pop(STEP, "1"))
        recipe = Recipe.from_strings(own)
    except RecipeError as error:
        return DEFAULT._replace(
            ignored=f"The link makes no sense, so this is a run as any other begins: {error}"
        )
    ignored = None
    if foreign:
        names = ", ".join(f"“{' '.join(name.split())[:20]}”" for name in foreign[:3])
        more = f" and {len(foreign) - 3:,} more" if len(foreign) > 3 else ""
        ignored = f"What the link says of {names}{more} means nothing here and was ignored."
    return Wanted(recipe, step, ignored)


def _step(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 7 and 1 <= int(text) <= MAX_STEPS:
        return int(text)
    shown = text if len(text) <= 20 else f"{text[:20]}…"
    raise RecipeError(f"step is a whole number from 1 to {MAX_STEPS:,}, not {shown!r}.")
