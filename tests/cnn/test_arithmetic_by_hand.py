"""The arithmetic behind every number of one step that is worked out by hand."""

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from cells import Case, made

from cnn import Parameters
from cnn.arithmetic import EXPLANATIONS, Blocked, Place


def by_hand() -> Case:
    """Two pixels, one filter, two hidden units: small enough to do on paper."""
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 12, 7], images[0, 14, 8] = 255, 51  # 1 and 0.2
    hidden_weights = np.zeros((2, 169))
    hidden_weights[0, 6 * 13 + 3], hidden_weights[1, 6 * 13 + 3] = 2, -2
    output_weights = np.zeros((10, 2))
    output_weights[4] = 0.5, 1
    filters = np.zeros((1, 3, 3))
    filters[0, 0, 0], filters[0, 2, 1] = 0.5, -1
    parameters = Parameters.from_arrays(
        filters=filters,
        filter_bias=np.array([0.25]),
        hidden_weights=hidden_weights,
        hidden_bias=np.array([0.1, 0]),
        output_weights=output_weights,
        output_bias=np.zeros(10),
    )
    return made(parameters.astype(np.float32), images, [4], rate=0.5)


def test_forward_worked_by_hand() -> None:
    case = by_hand()
    z = case.explain("z", 12 * 26 + 7)

    assert z.symbol == "z[12,7]"
    assert z.rule == "z[i,j] = Σ_u Σ_v k[u,v]·x[i+u, j+v] + b"
    assert [term.symbol for term in z.terms] == [
        "k[0,0]·x[12,7]", "k[0,1]·x[12,8]", "k[0,2]·x[12,9]",
        "k[1,0]·x[13,7]", "k[1,1]·x[13,8]", "k[1,2]·x[13,9]",
        "k[2,0]·x[14,7]", "k[2,1]·x[14,8]", "k[2,2]·x[14,9]",
    ]  # fmt: skip
    assert [term.value for term in z.terms] == pytest.approx([0.5, 0, 0, 0, 0, 0, 0, -0.2, 0])
    assert z.terms[7].factors[1].place == Place("x", 14 * 28 + 8, image=0)
    assert z.bias
    assert (z.bias.symbol, z.bias.value) == ("b", 0.25)
    assert z.stored == pytest.approx(0.5 - 0.2 + 0.25)

    x = case.explain("x", 14 * 28 + 8)
    assert (x.terms[0].value, x.result) == (51, 0.2)

    # Its window: z[12,6] = 0.25, z[12,7] = 0.55, z[13,6] = 0.25, z[13,7] = 0.25.
    pooled = case.explain("pooled", 6 * 13 + 3)
    assert [term.symbol for term in pooled.terms] == ["f[12,6]", "f[12,7]", "f[13,6]", "f[13,7]"]
    assert [term.value for term in pooled.terms] == pytest.approx([0.25, 0.55, 0.25, 0.25])
    assert pooled.result == pytest.approx(0.55)
    assert pooled.routing
    assert pooled.routing.winner == Place("feature_map", 12 * 26 + 7, 0, 0)
    assert pooled.routing.outcome == "unique"

    first, second = case.explain("z1", 0), case.explain("z1", 1)
    assert first.terms[0].symbol == f"W1[0,{6 * 13 + 3}]·a0[{6 * 13 + 3}]"
    assert first.terms[0].factors[1].place == Place("pooled", 6 * 13 + 3, 0, 0)
    assert first.result == pytest.approx(2 * 0.55 + 0.1)
    assert second.result == pytest.approx(-2 * 0.55)
    assert case.explain("a1", 1).result == 0

    # The scores are 0.6 for the digit 4 and 0 for the nine others.
    share = math.exp(0) / (math.exp(0) + 9 * math.exp(-0.6))
    probability = case.explain("probabilities", 4)
    assert probability.terms[3].symbol == "e^(z2[3] − m)"
    assert [probability.terms[c].value for c in (3, 4)] == pytest.approx([math.exp(-0.6), 1])
    assert probability.result == pytest.approx(share)
    loss = case.explain("loss", 0)
    assert loss.terms[4].symbol == "−y[4]·log p[4]"
    assert loss.result == pytest.approx(-math.log(share))
    assert case.explain("batch_loss", 0).operation is None  # one image is its own mean


def test_backward_worked_by_hand() -> None:
    case = by_hand()
    share = 1 / (1 + 9 * math.exp(-0.6))
    delta2 = case.explain("delta2", 4)
    assert [term.symbol for term in delta2.terms] == ["p[4]", "−y[4]"]
    assert delta2.result == pytest.approx(share - 1)

    on, off = case.explain("delta1", 0), case.explain("delta1", 1)
    assert on.terms[4].symbol == "W2[4,0]·δ2[4]"
    assert on.result == pytest.approx(0.5 * (share - 1))
    assert on.blocked is None
    assert off.total == pytest.approx(share - 1)  # what would have come in
    assert (off.result, off.blocked) == (0, Blocked.RELU_OFF)

    error = 2 * 0.5 * (share - 1)
    assert case.explain("delta0", 6 * 13 + 3).result == pytest.approx(error)
    assert case.explain("backfill", 12 * 26 + 7).terms[0].symbol == "δ0[6,3]"
    assert case.explain("backfill", 12 * 26 + 6).blocked is Blocked.NOT_THE_WINNER
    dz = case.explain("dz", 12 * 26 + 7)
    assert (dz.terms[0].symbol, dz.blocked) == ("backfill[12,7]", None)

    # Only this window is weighed by W1, so only its winner is active.
    dk = case.explain("dk", 2 * 3 + 1)
    assert [term.symbol for term in dk.terms] == ["dz[12,7]·x[14,8]"]
    assert [factor.place for factor in dk.terms[0].factors] == [
        Place("dz", 12 * 26 + 7, 0, 0),
        Place("x", 14 * 28 + 8, 0),
    ]
    assert dk.result == pytest.approx(error * 0.2)
    assert case.explain("db", 0).result == pytest.approx(error)
    new = case.explain("new_filters", 2 * 3 + 1)
    assert (new.symbol, new.rule) == ("new k[2,1]", "new k[u,v] = k[u,v] − η·dk[u,v]")
    assert [term.symbol for term in new.terms] == ["k[2,1]", "−η·dk[2,1]"]
    assert new.result == pytest.approx(-1 - 0.5 * error * 0.2)
    assert case.explain("dW1", 169 + 6 * 13 + 3).result == 0
    assert case.explain("dW2", 4 * 2).result == pytest.approx((share - 1) * 1.2)


def test_nothing_can_be_changed() -> None:
    arithmetic = by_hand().explain("z", 0)
    for frozen, name in ((arithmetic, "stored"), (arithmetic.terms[0], "value")):
        with pytest.raises(FrozenInstanceError):
            setattr(frozen, name, 1.0)
    with pytest.raises(TypeError):
        EXPLANATIONS["z"] = EXPLANATIONS["x"]
