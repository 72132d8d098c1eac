/** The stops of the tour: what each points at on the live page, and what it says there. */

const TRANSPORT = ".st-key-transport"
const SIDEBAR = '[data-testid="stSidebar"]'

export const STOPS = [
  {
    title: "One training step",
    text: "A small network reads a handwritten digit. It goes forward from the picture, part by part, "
      + "to ten probabilities. This is a real digit, a real network and a real step.",
    at: () => panels("image", "probabilities"),
  },
  {
    title: "Let it learn",
    text: "Play trains as fast as this machine can, Step takes one step. The pace goes down to slow "
      + "motion, in which every part of a step explains itself while it lights up.",
    at: () => outside(`${TRANSPORT} button, ${TRANSPORT} [role="radiogroup"]`),
  },
  {
    title: "Winners",
    text: "Of every 2×2 window of the feature map only the largest value goes on. The marked cells "
      + "have won their windows; a cross is a window that is all 0.",
    at: () => panels("feature_map", "pooled"),
  },
  {
    title: "The way back",
    text: "The error at the output is shared out, returns to the winners alone, and becomes the "
      + "gradient of the filter. Every gradient stands under, or on a narrow screen beside, what it "
      + "is the gradient of.",
    at: () => panels("filter_gradient", "delta2"),
  },
  {
    title: "The learning rate",
    text: "The filter moves against its gradient, as far as the learning rate says. Move the slider "
      + "while it plays: the run goes on, and the curves mark the step.",
    at: () => outside(`${TRANSPORT} [data-testid="stSlider"]`),
  },
  {
    title: "Every number, every step",
    text: "Point at any cell to see what it comes from and where it goes. On the page “Any step” a "
      + "click writes out its arithmetic, for every step of the past.",
    at: () => outside(`${SIDEBAR} a[href$="step"]`) ?? panels("filter_change", "filter_after"),
  },
]

/** The box around everything that a selector finds on the page, or null. */
function outside(selector) {
  return boxAround([...document.querySelectorAll(selector)])
}

/** The box around some panels of the stage, which has a document of its own. */
function panels(...names) {
  const hosts = [...document.querySelectorAll(".st-key-stage *")].filter((node) => node.shadowRoot)
  const find = (root, name) => root.querySelector(`.panel[data-panel="${name}"]`)
  return boxAround(
    names.flatMap((name) => hosts.map((host) => find(host.shadowRoot, name)).filter(Boolean)),
  )
}

/** What lies beside the window, as a closed sidebar does, cannot be shown to anybody. */
function boxAround(nodes) {
  const boxes = nodes.map((node) => node.getBoundingClientRect())
    .filter(({ width, left, right }) => width && right > 0 && left < window.innerWidth)
  if (!boxes.length) return null
  const left = Math.min(...boxes.map((box) => box.left))
  const top = Math.min(...boxes.map((box) => box.top))
  const right = Math.max(...boxes.map((box) => box.right))
  const bottom = Math.max(...boxes.map((box) => box.bottom))
  return { left, top, right, bottom }
}
