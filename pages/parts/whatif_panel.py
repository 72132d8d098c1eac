"""What one image would look like to the network if a single parameter were different."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnn import Forward, Parameters, Step, backward, forward
from cnn.arithmetic import Place
from cnn.convolution import SIDE
from cnn.network import POOLED
from cnn.whatif import with_parameter
from pages.parts.kept import StepId
from pages.parts.keys import Key
from pages.parts.numbers import decimals_of_states, in_decimals, is_zero, signed
from pages.parts.panel_figures import QUIET, maps_figure, probabilities_figure
from pages.parts.refusal import plain
from pages.parts.session import Session
from pages.parts.wording import GRADIENTS, GROUPS, PER_FILTER, counted, symbol

REACH = 2.0
"""How far a parameter can be moved, either way."""

NOTICEABLE = 1e-9
"""A smaller change is the slider's rounding."""


@dataclass(frozen=True)
class Chosen:
    """The parameter that is moved: its part of `Parameters`, filter, and flat position there."""

    name: str
    filter: int
    index: int

    def value(self, parameters: Parameters) -> float:
        """Return what it is in a set of parameters."""
        array = getattr(parameters, self.name)
        own = array[self.filter] if self.name in PER_FILTER else array
        return float(np.ravel(own)[self.index])


def whatif_panel(session: Session, step: Step, image: int = 0, pinned: Place | None = None) -> None:
    """Offer to move one parameter and see what becomes of an image; nothing is trained by it.

    Args:
        session: the step's.
        step: the parameters are those before it, which it looked at its images with.
        image: which image of its batch.
        pinned: a parameter, its gradient or its new value: when another one is handed over, it
            becomes the one to move. Other quantities are passed over.
    """
    _choose_pinned(session, pinned)

    @st.fragment
    def draw() -> None:
        if not st.toggle("**What if this weight were different?**", key=Key.WHAT_IF):
            return
        parameters = step.before
        chosen = _chosen(parameters)
        real = chosen.value(parameters)
        name = symbol(parameters, chosen.name, chosen.index, chosen.filter)
        value = _slider(name, real, _slider_key(session, step, chosen))
        images, labels = step.images[image : image + 1], step.labels[image : image + 1]
        changed = parameters
        if abs(value - real) > NOTICEABLE:
            changed = with_parameter(parameters, chosen.name, chosen.index, value, chosen.filter)
        before, after = (_seen(seen, images, labels) for seen in (parameters, changed))
        label, classes = int(labels[0]), session.digits.classes
        shown = _shown_filter(chosen, parameters)
        compared(before, after, label, classes)
        st.markdown(_sentence(before, after, chosen, shown, moved=changed is not parameters))
        left, right = st.columns([3, 2])
        left.plotly_chart(
            maps_figure(before.maps(shown), after.maps(shown)),
            key="whatif_maps",
            config=QUIET,
            alt="Feature map and pooled map as they are, with the change, and the difference.",
        )
        right.plotly_chart(
            probabilities_figure(before.probabilities, after.probabilities, classes, label),
            key="whatif_probabilities",
            config=QUIET,
            alt="The ten probabilities as they are and with the change.",
        )

    draw()


def _choose_pinned(session: Session, pinned: Place | None) -> None:
    """Turn the panel to the parameter that was pinned since the last time, if one was."""
    if pinned is None or pinned == session.kept.pinned:
        return
    session.kept.pinned = pinned
    for name in GROUPS:
        if pinned.quantity in (name, f"new_{name}", GRADIENTS[name]):
            axes = _axes(session.run.parameters, name)
            own = 9 if name == "filters" else 1  # parameters of one filter
            index = pinned.index + (own * (pinned.filter or 0) if name in PER_FILTER else 0)
            position = np.unravel_index(index, [axis.size for axis in axes])
            st.session_state[Key.WHAT_IF_PART] = name
            for axis, at in zip(axes, position, strict=True):
                st.session_state[axis.key(name)] = axis.first + int(at)


@dataclass(frozen=True)
class _Axis:
    """Something that has to be named to choose one parameter of a part.

    Attributes:
        label: what it is called.
        size: how many there are.
        first: the number of the first one.
    """

    label: str
    size: int
    first: int = 0

    def key(self, name: str) -> str:
        """Name its widget, for one part of the parameters."""
        return f"{Key.WHAT_IF_INDEX}_{name}_{self.label}"

    def ask(self, name: str) -> int:
        """Ask for a position, counted from 0; there is nothing to ask where there is but one."""
        if self.size == 1:
            return 0
        key, last = self.key(name), self.first + self.size - 1
        # A new run may have fewer than the one before.
        st.session_state[key] = min(st.session_state.get(key, self.first), last)
        with st.container(width=130):
            return st.number_input(self.label, self.first, last, key=key) - self.first


def _axes(parameters: Parameters, name: str) -> list[_Axis]:
    """Return the axes of a part of the parameters; filters are counted from 1."""
    filter = _Axis("filter", len(parameters.filters), first=1)
    unit = _Axis("hidden unit r", len(parameters.hidden_bias))
    digit = _Axis("digit c", len(parameters.output_bias))
    return {
        "filters": [filter, _Axis("row u", SIDE), _Axis("column v", SIDE)],
        "filter_bias": [filter],
        "hidden_weights": [
            unit,
            filter,
            _Axis("pooled row i", POOLED[0]),
            _Axis("pooled column j", POOLED[1]),
        ],
        "hidden_bias": [unit],
        "output_weights": [digit, unit],
        "output_bias": [digit],
    }[name]


def _chosen(parameters: Parameters) -> Chosen:
    """Ask which parameter is to be moved."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=220):
            name = st.selectbox(
                "Parameter", list(GROUPS), format_func=GROUPS.__getitem__, key=Key.WHAT_IF_PART
            )
        axes = _axes(parameters, name)
        position = [axis.ask(name) for axis in axes]
    index = int(np.ravel_multi_index(position, [axis.size for axis in axes]))
    if name in PER_FILTER:
        return Chosen(name, *divmod(index, 9 if name == "filters" else 1))
    return Chosen(name, 0, index)


def _slider_key(session: Session, step: Step, chosen: Chosen) -> str:
    """Name the slider: another parameter or step has another one, which begins at its value."""
    of = StepId.of(session.held.number, step)
    return f"{Key.WHAT_IF_VALUE}_{of}_{chosen}"


def _slider(name: str, real: float, key: str) -> float:
    """Ask for the parameter's value, and offer to go back to the real one."""

    def back() -> None:
        st.session_state[key] = real

    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=520):
            st.session_state.setdefault(key, real)
            value = st.slider(
                f"{name}, which is {in_decimals(real, 4)}",
                real - REACH,
                real + REACH,
                step=REACH / 100,
                format="%.4f",
                key=key,
            )
        st.button(
            "Back to the real value",
            on_click=back,
            disabled=abs(value - real) <= NOTICEABLE,
            key=f"{Key.WHAT_IF_VALUE}_back",
        )
    return float(value)


@dataclass(frozen=True, eq=False)
class Seen:
    """One image, as a set of parameters sees it, and its loss in nats."""

    values: Forward
    loss: float

    def maps(self, filter: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return a filter's feature map and pooled map."""
        return self.values.feature_map[0, filter], self.values.pooled[0, filter]

    @property
    def probabilities(self) -> NDArray[np.floating]:
        """Return the ten."""
        probabilities: NDArray[np.floating] = self.values.probabilities[0]
        return probabilities


def _seen(parameters: Parameters, images: NDArray[np.integer], labels: NDArray[np.integer]) -> Seen:
    values = forward(parameters, images)
    return Seen(values, backward(parameters, values, labels).loss)


def _shown_filter(chosen: Chosen, parameters: Parameters) -> int:
    """Return the filter whose maps are worth looking at."""
    if chosen.name == "hidden_weights":
        return (
            chosen.index
            % (POOLED[0] * POOLED[1] * len(parameters.filters))
            // (POOLED[0] * POOLED[1])
        )
    return chosen.filter


def compared(before: Seen, after: Seen, label: int, classes: tuple[str, ...]) -> None:
    """Write loss, probability of the truth and verdict, before and after.

    The changes follow from the numbers as they are written.
    """
    with st.container(horizontal=True):
        _moved("Loss of the image", before.loss, after.loss, "inverse")
        old, new = (float(seen.probabilities[label]) for seen in (before, after))
        _moved(f"Probability of the true {plain(classes[label])}", old, new, "normal")
        was, now = (int(seen.probabilities.argmax()) for seen in (before, after))
        st.metric(
            "Taken for",
            classes[now],
            f"was {classes[was]}" if was != now else None,
            delta_color="off",
            delta_arrow="off",
        )


def _moved(label: str, old: float, new: float, colour: Literal["normal", "inverse"]) -> None:
    """Write a number and by how much it moved."""
    decimals, change = decimals_of_states([old], [new]), signed(new - old)
    unseen = is_zero(change)
    words = f"{'0' if unseen else change} from {in_decimals(old, decimals)}"
    st.metric(
        label,
        in_decimals(new, decimals),
        # The keyboard's minus sign, by which Streamlit draws its arrow.
        words.replace("−", "-") if new != old else None,
        delta_color="off" if unseen else colour,
        delta_arrow="off" if unseen else "auto",
    )


def _sentence(before: Seen, after: Seen, chosen: Chosen, shown: int, moved: bool) -> str:
    """Say what has changed in the maps, and which filter's maps they are."""
    maps = "The maps" if before.values.z.shape[1] == 1 else f"The maps of filter {shown + 1}"
    if not moved:
        return f"{maps} below are the real ones until the slider is moved. Nothing is trained."
    difference = _changed(before, after, shown)
    if not difference.any() and not (after.probabilities != before.probabilities).any():
        return (
            "Nothing changes for this image: what the parameter is multiplied with is 0, or what "
            "it leads to stays off."
        )
    if chosen.name not in PER_FILTER:
        return (
            f"{maps} stay as they are, because this parameter comes after them: it changes "
            f"{_WHERE[chosen.name]}. Nothing is trained."
        )
    winners = before.values.winner[0, shown] != after.values.winner[0, shown]
    alive = (before.values.pooled[0, shown] > 0) | (after.values.pooled[0, shown] > 0)
    most = in_decimals(float(difference.flat[np.abs(difference).argmax()]), 4)
    return (
        f"{counted(int(np.count_nonzero(difference)), 'cell')} of the feature map's "
        f"{difference.size} changed, the most by {most} (framed), and "
        f"{counted(int(np.count_nonzero(winners & alive)), 'window')} got another winner. "
        "Nothing is trained."
    )


_WHERE = {
    "hidden_weights": "one hidden unit, and what follows from it",
    "hidden_bias": "one hidden unit, and what follows from it",
    "output_weights": "the score of one digit, and so all ten probabilities",
    "output_bias": "the score of one digit, and so all ten probabilities",
}


def _changed(before: Seen, after: Seen, filter: int) -> NDArray[np.floating]:
    difference: NDArray[np.floating] = after.maps(filter)[0] - before.maps(filter)[0]
    return difference
