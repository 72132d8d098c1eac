/**
 * Every panel of the stage: what it shows, what it is called, how its colours are to be read.
 *
 * The order is the order of time, which is also the order of the tab key: forward from the image to
 * the probabilities, backward from their error to the filter, then the update.
 *
 * @typedef {Object} Panel
 * @property {string} name also the key of its values in step.js
 * @property {"forward" | "backward" | "update"} row
 * @property {"map" | "units" | "filter" | "bars"} kind
 * @property {string} title
 * @property {string} symbol as in the notes
 * @property {string} operation how the values get here from the panel before, in a word
 * @property {string} range the group in ranges.js
 * @property {"grey" | "positive" | "signed"} colours
 * @property {number} [columns] of a map
 * @property {number} [decimals] of a filter's numbers
 * @property {(meta: Object) => string} shape
 */

const forward = { row: "forward" }
const backward = { row: "backward" }
const update = { row: "update" }

/** @type {Panel[]} */
export const PANELS = [
  { ...forward, name: "image", kind: "map", columns: 28, title: "image", symbol: "x",
    operation: "", range: "image", colours: "grey", shape: () => "28×28" },
  { ...forward, name: "filter_before", kind: "filter", title: "filter", symbol: "k, b",
    operation: "slide", range: "weights", colours: "signed", decimals: 3, shape: () => "3×3" },
  { ...forward, name: "z", kind: "map", columns: 26, title: "feature map", symbol: "z",
    operation: "multiply, add up, + b", range: "maps", colours: "signed", shape: () => "26×26" },
  { ...forward, name: "feature_map", kind: "map", columns: 26, title: "feature map", symbol: "f",
    operation: "max(0, ·)", range: "maps", colours: "positive", shape: () => "26×26" },
  { ...forward, name: "pooled", kind: "map", columns: 13, title: "pooled", symbol: "P",
    operation: "keep the winner", range: "maps", colours: "positive", shape: () => "13×13" },
  { ...forward, name: "hidden", kind: "units", title: "hidden", symbol: "a1",
    operation: "weigh", range: "hidden", colours: "positive", shape: ({ hidden }) => `${hidden}` },
  { ...forward, name: "probabilities", kind: "bars", title: "probabilities", symbol: "p",
    operation: "share out to 1", range: "probabilities", colours: "positive", shape: () => "10" },
  { ...backward, name: "delta2", kind: "bars", title: "error", symbol: "δ2",
    operation: "p − y", range: "delta2", colours: "signed", shape: () => "10" },
  { ...backward, name: "delta1", kind: "units", title: "error", symbol: "δ1",
    operation: "weigh back", range: "delta1", colours: "signed", shape: ({ hidden }) => `${hidden}` },
  { ...backward, name: "delta0", kind: "map", columns: 13, title: "error", symbol: "δ0",
    operation: "weigh back", range: "errors", colours: "signed", shape: () => "13×13" },
  { ...backward, name: "backfill", kind: "map", columns: 26, title: "back-fill", symbol: "",
    operation: "back to the winners", range: "errors", colours: "signed", shape: () => "26×26" },
  { ...backward, name: "dz", kind: "map", columns: 26, title: "gradient", symbol: "dz",
    operation: "block where f = 0", range: "errors", colours: "signed", shape: () => "26×26" },
  { ...backward, name: "filter_gradient", kind: "filter", title: "gradient", symbol: "dk, db",
    operation: "meet the image", range: "gradients", colours: "signed", decimals: 3,
    shape: () => "3×3" },
  { ...update, name: "filter_change", kind: "filter", title: "change", symbol: "−η·dk",
    operation: "× −η", range: "changes", colours: "signed", decimals: 6, shape: () => "3×3" },
  { ...update, name: "filter_after", kind: "filter", title: "new filter", symbol: "k, b",
    operation: "add", range: "weights", colours: "signed", decimals: 3, shape: () => "3×3" },
]

/** What happens to a panel's errors next, on a narrow screen written where they leave it upward. */
export function onward(panel) {
  const next = PANELS[PANELS.indexOf(panel) + 1]
  return panel.row === "backward" && next.row === "backward" ? next.operation : ""
}
