"""What every picture on the stage is, in plain words, with its equation."""

import streamlit as st

from pages.parts.sheet import explanation

STAGES = {
    "Forward: from the image to the loss": (
        "x",
        "filters",
        "filter_bias",
        "z",
        "feature_map",
        "pooled",
        "a0",
        "z1",
        "a1",
        "z2",
        "probabilities",
        "loss",
    ),
    "Backward: from the loss to every gradient": (
        "delta2",
        "dW2",
        "db2",
        "delta1",
        "dW1",
        "db1",
        "delta0",
        "backfill",
        "dz",
        "dk",
        "db",
    ),
    "Update: every parameter moves against its gradient": (
        "new_filters",
        "new_filter_bias",
        "new_hidden_weights",
        "new_hidden_bias",
        "new_output_weights",
        "new_output_bias",
    ),
}
"""In the order in which a step computes them."""


def explanations() -> None:
    """Offer a short explanation of every quantity."""
    opened = st.popover("What is what?", on_change="rerun", key="what_is_what")
    if not opened.open:
        return
    with opened:
        for title, quantities in STAGES.items():
            items = "".join(explanation(quantity) for quantity in quantities)
            st.html(f'<div class="arithmetic"><h3>{title}</h3>{items}</div>')
