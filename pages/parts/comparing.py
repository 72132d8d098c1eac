"""What sets runs apart: in their recipes, in words, and from which step in their numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from cnn import Recipe, Run
from pages.parts.held import Held
from pages.parts.rates import written

FIELDS = {
    "data": "digits",
    "seed": "seed",
    "filters": "filters",
    "hidden": "hidden units",
    "batch": "images a step",
    "bias_rule": "rule of the filter’s bias",
    "learning_rate": "learning rate",
}
"""The fields of a recipe in words."""


def differences(runs: Sequence[Held]) -> list[str]:
    """Say of each field in which the recipes differ what it is in every run.

    Args:
        runs: at least two.
    """
    found = []
    for name, words in FIELDS.items():
        values = [_value(held.run.recipe, name) for held in runs]
        if len(set(values)) > 1:
            each = ", ".join(
                f"{value} in run {held.number}" for held, value in zip(runs, values, strict=True)
            )
            found.append(f"{words}: {each}")
    return found


def _value(recipe: Recipe, name: str) -> str:
    if name != "learning_rate":
        return str(getattr(recipe, name))
    (_, first), *changes = recipe.learning_rate
    return written(first) + "".join(f" and {written(r)} from step {s:,}" for s, r in changes)


@dataclass(frozen=True)
class Parting:
    """Where two runs part.

    Attributes:
        step: the first after which any of their parameters differ; 0 where they differ before
            the first; None where they agree as far as both have gone.
        agreed: the last step after which all bits of them are the same, or None.
        why: what of the recipes does it, in words, or "".
    """

    step: int | None
    agreed: int | None
    why: str


def parting(one: Run, other: Run) -> Parting:
    """Find the first step at which two runs part.

    Their parameters are compared bit by bit after ever closer steps: a step that the recipes do
    differently may still change nothing, such as one whose gradient is 0. Of what is different
    in their recipes, that which has a part in the step is named.
    """
    common = min(one.step, other.step)
    if not _same_after(one, other, 0):
        fields = [name for name in ("seed", "filters", "hidden") if _differ(one, other, name)]
        return Parting(0, None, " and ".join(FIELDS[name] for name in fields))
    if _same_after(one, other, common):
        return Parting(None, common, "")
    agreed, parted = 0, common
    while parted - agreed > 1:
        middle = (agreed + parted) // 2
        if _same_after(one, other, middle):
            agreed = middle
        else:
            parted = middle
    return Parting(parted, agreed, _done_differently(one, other, parted))


def _same_after(one: Run, other: Run, step: int) -> bool:
    vectors = [(run.at(step).after if step else run.at(1).before).vector for run in (one, other)]
    return vectors[0].tobytes() == vectors[1].tobytes()


def _differ(one: Run, other: Run, name: str) -> bool:
    return _value(one.recipe, name) != _value(other.recipe, name)


def _done_differently(one: Run, other: Run, step: int) -> str:
    """Name what of two recipes is different in a step."""
    names = [name for name in ("data", "seed", "batch", "bias_rule") if _differ(one, other, name)]
    said = [FIELDS[name] for name in names]
    rates = [run.recipe.rate_at(step) for run in (one, other)]
    if rates[0] != rates[1]:
        said.append(f"the learning rate, {written(rates[0])} and {written(rates[1])}")
    return " and ".join(said)
