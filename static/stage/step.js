/**
 * One step as one filter sees it: what the panels draw and what the relations are read from.
 *
 * Every array is the frame's own, cut to the shown filter; nothing is computed here. A filter's ten
 * numbers are its nine weights in row order and, as number 9, its bias.
 *
 * @typedef {Object} Step
 */

export const BIAS = 9
export const MAP = 26
export const POOLED = 13
export const IMAGE = 28

/** How a pooling window ended. */
export const UNIQUE = 0
export const TIE = 1
export const DEAD = 2

/**
 * @param {import("./decode.js").Frame} frame
 * @param {number} filter counted from 0
 * @returns {Step}
 */
export function stepOf(frame, filter) {
  const { meta, arrays } = frame
  const cut = (name) => {
    const size = arrays[name].length / meta.filters
    return arrays[name].subarray(filter * size, (filter + 1) * size)
  }
  const ten = (weights, bias) => Float32Array.of(...cut(weights), arrays[bias][filter])
  const featureMap = cut("feature_map")
  return {
    meta,
    filter,
    covered: coveredBy(meta.covered, filter),
    image: arrays.image,
    z: cut("z"),
    feature_map: featureMap,
    backfill: cut("backfill"),
    dz: cut("dz"),
    pooled: cut("pooled"),
    delta0: cut("delta0"),
    winner: cut("winner"),
    windows: windowsOf(featureMap),
    filter_before: ten("filters_before", "filter_bias_before"),
    filter_after: ten("filters_after", "filter_bias_after"),
    filter_change: ten("filters_change", "filter_bias_change"),
    filter_gradient: ten("filters_gradient", "filter_bias_gradient"),
    z1: arrays.z1,
    hidden: arrays.a1,
    delta1: arrays.delta1,
    z2: arrays.z2,
    probabilities: arrays.probabilities,
    delta2: arrays.delta2,
    loss: arrays.loss[0],
    batch_loss: arrays.loss[1],
  }
}

/** The cells of each panel that are not to be seen: a question asks for them. */
function coveredBy(spots, filter) {
  const panels = new Map()
  for (const { panel, index } of spots.filter((spot) => spot.filter === filter)) {
    panels.set(panel, [...(panels.get(panel) ?? []), index])
  }
  return panels
}

/** Whether the step trains on its picture; one that is only looked at leaves the parameters. */
export function isTrained({ meta }) {
  return meta.watching === null
}

export function isCovered(step, panel, index) {
  return step.covered.get(panel)?.includes(index) ?? false
}

/** The four cells of the feature map under a pooled cell, in row order. */
export function windowCells(pooled) {
  const first = 2 * Math.floor(pooled / POOLED) * MAP + 2 * (pooled % POOLED)
  return [first, first + 1, first + MAP, first + MAP + 1]
}

/** The pooled cell whose window holds a cell of the feature map. */
export function windowOf(cell) {
  return Math.floor(Math.floor(cell / MAP) / 2) * POOLED + Math.floor((cell % MAP) / 2)
}

/**
 * How each window ended: a single largest value, several equal ones (the first in row order
 * counts), or all zero, so that there is nothing to win and no gradient passes.
 *
 * @param {Float32Array} featureMap
 * @returns {Uint8Array} one of UNIQUE, TIE, DEAD for each pooled cell
 */
export function windowsOf(featureMap) {
  return Uint8Array.from({ length: POOLED * POOLED }, (_, pooled) => {
    const values = windowCells(pooled).map((cell) => featureMap[cell])
    const largest = Math.max(...values)
    if (largest === 0) return DEAD
    return values.filter((value) => value === largest).length > 1 ? TIE : UNIQUE
  })
}
