"""What every quantity of the network is, in plain words, with its equation."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cnn.arithmetic_parts import Outcome


@dataclass(frozen=True, slots=True)
class Explanation:
    """A quantity, for somebody who meets it for the first time.

    Attributes:
        name: what it is called.
        equation: how each of its numbers is made, in the notes' symbols.
        words: what it is, in two or three sentences.
    """

    name: str
    equation: str
    words: str


EXPLANATIONS: Mapping[str, Explanation] = MappingProxyType(
    {
        "x": Explanation(
            "image",
            "x[i,j] = pixel[i,j] / 255",
            "The handwritten digit, 28 rows of 28 pixels. A pixel is stored as a whole number "
            "from 0 (empty paper) to 255 (full ink); divided by 255 it lies between 0 and 1.",
        ),
        "z": Explanation(
            "convolution",
            "z[i,j] = Σ_u Σ_v k[u,v]·x[i+u, j+v] + b",
            "The filter is laid on a 3×3 patch of the image; each weight is multiplied with the "
            "pixel under it, and the nine products and the bias are added up. Sliding the filter "
            "over all 26×26 places makes a map of how well the image matches it at each place.",
        ),
        "feature_map": Explanation(
            "feature map",
            "f[i,j] = max(0, z[i,j])",
            "The convolution with everything below 0 replaced by 0 (a ReLU). What is left says "
            "where the filter found what it responds to, and how strongly.",
        ),
        "pooled": Explanation(
            "pooled map",
            "P[i,j] = max(f[2i,2j], f[2i,2j+1], f[2i+1,2j], f[2i+1,2j+1])",
            "Of every 2×2 window of the feature map only the largest value is kept, which leaves "
            "13×13. Where that winner stood is remembered, because on the way back the error "
            "goes to it alone; of equal values the first counts.",
        ),
        "a0": Explanation(
            "input of the hidden layer",
            "a0[s] = P[i,j], with s = 169·filter + 13·i + j",
            "The pooled maps written as one long list, row by row, one filter after the other. "
            "Nothing is computed: the layers that follow only read a list instead of a map.",
        ),
        "z1": Explanation(
            "sum of a hidden unit",
            "z1[r] = Σ_s W1[r,s]·a0[s] + b1[r]",
            "Every hidden unit has a weight of its own for every pooled value. It multiplies "
            "them pair by pair and adds everything up, with its bias.",
        ),
        "a1": Explanation(
            "hidden unit",
            "a1[r] = max(0, z1[r])",
            "What a hidden unit passes on: its sum if that is above 0, otherwise 0. A unit that "
            "gives 0 is off for this image.",
        ),
        "z2": Explanation(
            "score of a digit",
            "z2[c] = Σ_r W2[c,r]·a1[r] + b2[c]",
            "Each of the ten digits has a weight for every hidden unit, and the products and a "
            "bias add up to its score. A higher score means that the image looks more like it.",
        ),
        "probabilities": Explanation(
            "probability",
            "p[c] = e^(z2[c] − m) / Σ_d e^(z2[d] − m), with m = max z2",
            "Softmax turns the ten scores into shares: e to the power of each score, divided by "
            "the sum of all ten, so that together they are 1. Taking the largest score m off "
            "first changes no share and keeps the powers from growing too large.",
        ),
        "loss": Explanation(
            "loss of the image",
            "loss = −Σ_c y[c]·log p[c]",
            "How wrong the network was: 0 if it gave the true digit the probability 1, and the "
            "more the less it gave it. y is 1 for the true digit and 0 for the others, so only "
            "the true digit's probability counts.",
        ),
        "batch_loss": Explanation(
            "loss of the step",
            "mean loss = Σ loss / n",
            "The losses of the step's n images added up and divided by n. It is the number that "
            "training makes smaller.",
        ),
        "delta2": Explanation(
            "error of the output",
            "δ2[c] = p[c] − y[c]",
            "How much too high each digit's probability is: y is 1 for the true digit and 0 for "
            "the others. The way back through the network starts here.",
        ),
        "delta1": Explanation(
            "error of a hidden unit",
            "δ1[r] = (Σ_c W2[c,r]·δ2[c]) · ReLU'(z1[r])",
            "How the loss would change if this unit's sum rose a little: the ten output errors, "
            "each times the weight that the unit acted on it through. A unit that was off had no "
            "influence, so it gets no error.",
        ),
        "delta0": Explanation(
            "error of the pooled map",
            "δ0[i,j] = Σ_r W1[r,s]·δ1[r], with s = 169·filter + 13·i + j",
            "How the loss would change if this pooled value rose a little: the errors of all "
            "hidden units, each times the weight that the value acted on it through.",
        ),
        "backfill": Explanation(
            "back-fill",
            "backfill[winner[i,j]] = δ0[i,j], and 0 everywhere else",
            "The errors of the pooled map, each put back on the cell of the 26×26 map that won "
            "its window. The three other cells of the window get 0, because the pooled value "
            "did not depend on them.",
        ),
        "dz": Explanation(
            "error of the convolution",
            "dz[i,j] = backfill[i,j] · ReLU'(f[i,j])",
            "The back-fill where the feature map is above 0, and 0 where it is 0: a winner that "
            "was itself 0 passes nothing back. These are the errors that teach the filter.",
        ),
        "dk": Explanation(
            "gradient of a filter weight",
            "dk[u,v] = Σ_i Σ_j dz[i,j]·x[i+u, j+v]",
            "How the loss would change if this weight rose a little. The weight was used at "
            "every place of the map, so the error of each place counts, times the pixel that "
            "the weight met there.",
        ),
        "db": Explanation(
            "gradient of the filter's bias",
            "db = Σ_i Σ_j dz[i,j]",
            "How the loss would change if the filter's bias rose a little. The bias was added "
            "once at every place of the map, so all their errors are added up.",
        ),
        "dW1": Explanation(
            "gradient of a hidden weight",
            "dW1[r,s] = δ1[r]·a0[s]",
            "How the loss would change if this weight rose a little: the error of the unit it "
            "leads to, times the pooled value that it was multiplied with.",
        ),
        "db1": Explanation(
            "gradient of a hidden bias",
            "db1[r] = δ1[r]",
            "How the loss would change if this bias rose a little. The bias is added to the "
            "unit's sum as it is, so its gradient is the error of that sum.",
        ),
        "dW2": Explanation(
            "gradient of an output weight",
            "dW2[c,r] = δ2[c]·a1[r]",
            "How the loss would change if this weight rose a little: the error of the output it "
            "leads to, times the value of the hidden unit that it was multiplied with.",
        ),
        "db2": Explanation(
            "gradient of an output bias",
            "db2[c] = δ2[c]",
            "How the loss would change if this bias rose a little. The bias is added to the "
            "digit's score as it is, so its gradient is the error of that score.",
        ),
        "filters": Explanation(
            "filter",
            "k[u,v]: drawn at random, then changed by every step",
            "The nine weights that are laid on each 3×3 patch of the image. They are the same at "
            "every place; learning changes them a little in every step.",
        ),
        "filter_bias": Explanation(
            "bias of the filter",
            "b: starts at 0, then changed by every step",
            "One number that is added at every place of the map. It moves the line between what "
            "the ReLU lets through and what it holds at 0.",
        ),
        "hidden_weights": Explanation(
            "weight of a hidden unit",
            "W1[r,s]: drawn at random, then changed by every step",
            "How much hidden unit r cares for pooled value s. The weights of one unit have the "
            "shape of the pooled map and can be looked at as a picture.",
        ),
        "hidden_bias": Explanation(
            "bias of a hidden unit",
            "b1[r]: starts at 0, then changed by every step",
            "One number that is added to the unit's sum. The higher it is, the sooner the unit "
            "is on.",
        ),
        "output_weights": Explanation(
            "weight of an output",
            "W2[c,r]: drawn at random, then changed by every step",
            "How much hidden unit r speaks for digit c, or against it if the weight is negative.",
        ),
        "output_bias": Explanation(
            "bias of an output",
            "b2[c]: starts at 0, then changed by every step",
            "One number that is added to the score of digit c, whatever the image shows.",
        ),
        "new_filters": Explanation(
            "new filter",
            "new k[u,v] = k[u,v] − η·dk[u,v]",
            "The weight after the step. The gradient says in which direction the loss grows, so "
            "the weight moves the other way, by the learning rate η times the gradient.",
        ),
        "new_filter_bias": Explanation(
            "new bias of the filter",
            "new b = b − η·db",
            "The bias after the step: moved against its gradient, by the learning rate η times it.",
        ),
        "new_hidden_weights": Explanation(
            "new weight of a hidden unit",
            "new W1[r,s] = W1[r,s] − η·dW1[r,s]",
            "The weight after the step: moved against its gradient, by the learning rate η times "
            "it. Where the unit was off or the pooled value was 0 the gradient is 0, and the "
            "weight stays.",
        ),
        "new_hidden_bias": Explanation(
            "new bias of a hidden unit",
            "new b1[r] = b1[r] − η·db1[r]",
            "The bias after the step: moved against its gradient, by the learning rate η times it.",
        ),
        "new_output_weights": Explanation(
            "new weight of an output",
            "new W2[c,r] = W2[c,r] − η·dW2[c,r]",
            "The weight after the step: moved against its gradient, by the learning rate η times "
            "it. Where the hidden unit gave 0 the gradient is 0, and the weight stays.",
        ),
        "new_output_bias": Explanation(
            "new bias of an output",
            "new b2[c] = b2[c] − η·db2[c]",
            "The bias after the step: moved against its gradient, by the learning rate η times it.",
        ),
    }
)

OUTCOMES: Mapping[Outcome, str] = MappingProxyType(
    {
        "unique": "One of the four is the largest. It goes on, and the whole error comes back to "
        "it.",
        "tie": "Several of the four are equally large. The first of them in row order counts as "
        "the winner, and the whole error comes back to it alone.",
        "dead": "All four are 0. The first is recorded as the winner, but the error that comes "
        "back to it stops at the ReLU: a small change of z changes nothing.",
    }
)
