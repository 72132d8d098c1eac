/**
 * How far each quantity's colours reach.
 *
 * Fixed: a range starts from the first step of the run that was shown and only ever widens, to the
 * next of 1, 1.5, 2, 3, 4, 6, 8, 10, 15, …, when a value no longer fits; it never shrinks while the run lasts. So
 * a quantity that grows looks stronger, one that fades looks paler, and when a scale must change,
 * the number beside it says so. Following: the range is this step's largest value, which shows the
 * pattern of faint values and hides whether they grow.
 *
 * What belongs together shares a range: a filter's maps and its pooled map, all errors on their way
 * back, the filter before and after. Each filter has its own, except in the strip that compares
 * them. Probabilities and their errors have the range they can have.
 */

const GROUPS = {
  maps: ["z", "feature_map"],
  weights: ["filters_before", "filters_after", "filter_bias_before", "filter_bias_after"],
  gradients: ["filters_gradient", "filter_bias_gradient"],
  changes: ["filters_change", "filter_bias_change"],
  hidden: ["a1"],
  delta1: ["delta1"],
  errors: ["delta0"],
}

const PER_FILTER = new Set(["maps", "weights", "gradients", "changes", "errors"])

const ALWAYS = { image: 1, probabilities: 1, delta2: 1 }

export class Ranges {
  constructor() {
    this.following = false
    this.run = undefined
    this.fixed = {}
    this.step = {}
  }

  /** @param {import("./decode.js").Frame} frame */
  update({ meta, arrays }) {
    if (meta.run !== this.run) {
      this.run = meta.run
      this.fixed = {}
    }
    for (const [group, names] of Object.entries(GROUPS)) {
      const parts = PER_FILTER.has(group) ? meta.filters : 1
      this.fixed[group] ??= Array(parts).fill(0)
      this.step[group] = Array.from({ length: parts }, (_, part) => (
        Math.max(...names.map((name) => largestSize(partOf(arrays[name], part, parts))))
      ))
      this.step[group].forEach((largest, part) => {
        this.fixed[group][part] = Math.max(this.fixed[group][part], roundedUp(largest))
      })
    }
  }

  /** The largest size that a group's colours tell apart, for one filter. */
  of(group, filter) {
    if (group in ALWAYS) return ALWAYS[group]
    const ranges = (this.following ? this.step : this.fixed)[group]
    return ranges[PER_FILTER.has(group) ? filter : 0] || 1
  }

  /** The same for all filters together. */
  overall(group) {
    return Math.max(...(this.following ? this.step : this.fixed)[group]) || 1
  }
}

/** The next of …, 0.8, 1, 1.5, 2, 3, 4, 6, 8, 10, …; 0 stays 0. */
export function roundedUp(value) {
  if (!(value > 0) || !Number.isFinite(value)) return 0
  const exponent = Math.floor(Math.log10(value))
  for (const digit of [1, 1.5, 2, 3, 4, 6, 8, 10]) {
    const bound = Number(`${digit}e${exponent}`)
    if (value <= bound) return bound
  }
  return Number(`1e${exponent + 1}`)
}

function partOf(values, part, parts) {
  const size = values.length / parts
  return values.subarray(part * size, (part + 1) * size)
}

function largestSize(values) {
  let largest = 0
  for (const value of values) {
    const size = Math.abs(value)
    if (size > largest && size < Infinity) largest = size
  }
  return largest
}
