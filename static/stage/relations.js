/**
 * Which cells a cell comes from and goes to, in every other panel.
 *
 * Forward: pixel → the places of the filter that cover it → pooling window → hidden units → outputs.
 * Backward: output errors → hidden errors → pooled errors → their windows' winners → the filter's
 * gradients. A cell lights up strongly where the value or the error itself passes, weakly where it
 * was looked at but did not pass, or where a whole layer takes part.
 *
 * @typedef {{strong: Set<number>, weak: Set<number>}} Cells
 * @typedef {Map<string, Cells>} Lit panel name → its cells
 */

import { BIAS, DEAD, IMAGE, MAP, POOLED, isCovered, windowCells, windowOf } from "./step.js"

const WEIGHTS = Array.from({ length: 9 }, (_, weight) => weight)
const FILTER_PANELS = ["filter_before", "filter_gradient", "filter_change", "filter_after"]
const FORWARD_MAPS = ["z", "feature_map"]
const MAP_PANELS = [...FORWARD_MAPS, "backfill", "dz"]

/**
 * @param {string} panel the name of the panel in panels.js
 * @param {number} index flat position in it
 * @param {import("./step.js").Step} step
 * @returns {Lit}
 */
export function related(panel, index, step) {
  const lit = new Map()
  const light = (name, cells, strength = "strong") => {
    if (!lit.has(name)) lit.set(name, { strong: new Set(), weak: new Set() })
    // What a question has covered does not say by its light how it ended.
    for (const cell of cells) if (!isCovered(step, name, cell)) lit.get(name)[strength].add(cell)
  }
  if (isCovered(step, panel, index)) lit.set(panel, { strong: new Set([index]), weak: new Set() })
  else if (panel === "image") aroundPixel(index, step, light)
  else if (MAP_PANELS.includes(panel)) aroundCell(index, step, light)
  else if (panel === "pooled" || panel === "delta0") aroundWindow(index, step, light)
  else if (panel === "hidden" || panel === "delta1") aroundUnit(index, step, light)
  else if (panel === "probabilities" || panel === "delta2") aroundClass(index, step, light)
  else if (FILTER_PANELS.includes(panel)) aroundWeight(index, step, light)
  return lit
}

/** The pixels under the filter when it stands at a cell of the map: row order of the weights. */
export function patchOf(cell) {
  const [row, column] = [Math.floor(cell / MAP), cell % MAP]
  return WEIGHTS.map((w) => (row + Math.floor(w / 3)) * IMAGE + column + (w % 3))
}

/** The pixel that weight w meets when the filter stands at a cell of the map. */
export function pixelUnder(cell, w) {
  return patchOf(cell)[w]
}

/** The cells of the map whose patch holds a pixel. */
export function placesOver(pixel) {
  const [row, column] = [Math.floor(pixel / IMAGE), pixel % IMAGE]
  const cells = []
  for (let i = Math.max(0, row - 2); i <= Math.min(MAP - 1, row); i++) {
    for (let j = Math.max(0, column - 2); j <= Math.min(MAP - 1, column); j++) {
      cells.push(i * MAP + j)
    }
  }
  return cells
}

/** The cells of dz through which an error reaches the filter. */
export function activeCells(step) {
  return range(step.dz.length).filter((cell) => step.dz[cell] !== 0)
}

function aroundPixel(pixel, step, light) {
  const places = placesOver(pixel)
  const met = (cell) => patchOf(cell).indexOf(pixel)
  light("image", [pixel])
  light("filter_before", places.map(met))
  for (const map of FORWARD_MAPS) light(map, places)
  for (const window of new Set(places.map(windowOf))) {
    light("pooled", [window], places.includes(step.winner[window]) ? "strong" : "weak")
  }
  const active = places.filter((cell) => step.dz[cell] !== 0)
  light("dz", active)
  light("filter_gradient", active.map(met))
}

function aroundCell(cell, step, light) {
  const window = windowOf(cell)
  const won = step.winner[window] === cell
  for (const map of MAP_PANELS) light(map, [cell])
  light("image", patchOf(cell))
  light("filter_before", [...WEIGHTS, BIAS])
  light("pooled", [window], won ? "strong" : "weak")
  light("delta0", [window], won ? "strong" : "weak")
  if (step.dz[cell] !== 0) light("filter_gradient", [...WEIGHTS, BIAS])
}

function aroundWindow(window, step, light) {
  const winner = step.winner[window]
  const alive = step.windows[window] !== DEAD
  light("pooled", [window])
  light("delta0", [window])
  for (const map of FORWARD_MAPS) {
    light(map, windowCells(window), "weak")
    if (alive) light(map, [winner])
  }
  light("image", patchOf(winner), alive ? "strong" : "weak")
  if (alive) light("filter_before", [...WEIGHTS, BIAS])
  light("backfill", [winner])
  light("dz", [winner], alive ? "strong" : "weak")
  light("hidden", range(step.hidden.length), "weak")
  light("delta1", range(step.hidden.length), "weak")
  if (step.dz[winner] !== 0) light("filter_gradient", [...WEIGHTS, BIAS])
}

function aroundUnit(unit, step, light) {
  light("hidden", [unit])
  light("delta1", [unit])
  light("pooled", range(POOLED * POOLED), "weak")
  light("delta0", range(POOLED * POOLED), "weak")
  light("probabilities", range(step.probabilities.length), "weak")
  light("delta2", range(step.delta2.length), "weak")
}

function aroundClass(name, step, light) {
  light("probabilities", [name])
  light("delta2", [name])
  light("hidden", range(step.hidden.length), "weak")
  light("delta1", range(step.hidden.length), "weak")
}

function aroundWeight(weight, step, light) {
  for (const panel of FILTER_PANELS) light(panel, [weight])
  light("weights", [weight])
  light("z", range(step.z.length), "weak")
  const active = activeCells(step)
  light("dz", active)
  if (weight !== BIAS) light("image", active.map((cell) => pixelUnder(cell, weight)))
  else if (step.meta.bias_rule === "notes") light("filter_gradient", WEIGHTS, "weak")
}

function range(count) {
  return Array.from({ length: count }, (_, index) => index)
}
