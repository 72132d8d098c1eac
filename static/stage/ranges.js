/**
 * How far each quantity's colours reach.
 *
 * Fixed: a range starts from the run's first step, whichever is shown, and only ever widens, to the
 * next of 1, 1.5, 2, 3, 4, 6, 8, 10, 15, …, when a value no longer fits; it never shrinks while the
 * run is looked at, on whichever page. So a quantity that grows looks stronger, one that fades looks
 * paler, and when a scale must change, the number beside it says so. Following: the range is this
 * step's largest value, which shows the pattern of faint values and hides whether they grow.
 *
 * What belongs together shares a range (pages/parts/reach.py). Each filter has its own, except in
 * the strip that compares them. Probabilities and their errors have the range they can have.
 */

const ALWAYS = { image: 1, probabilities: 1, delta2: 1 }

/** Of the run that is looked at, on whichever page: whoever changes pages sees the same colours. */
const widest = { run: undefined, sizes: {} }

export class Ranges {
  constructor() {
    this.following = false
    this.step = {}
  }

  /** @param {import("./decode.js").Frame} frame */
  update({ meta }) {
    if (meta.run !== widest.run) {
      widest.run = meta.run
      widest.sizes = {}
      widen(meta.first_reach)
    }
    widen(meta.reach)
    this.step = meta.reach
  }

  /** The largest size that a group's colours tell apart, for one filter. */
  of(group, filter) {
    if (group in ALWAYS) return ALWAYS[group]
    const sizes = this.all(group)
    return sizes[sizes.length > 1 ? filter : 0] || 1
  }

  /** The same for all filters together. */
  overall(group) {
    return Math.max(...this.all(group)) || 1
  }

  all(group) {
    return (this.following ? this.step : widest.sizes)[group]
  }
}

function widen(reach) {
  for (const [group, sizes] of Object.entries(reach)) {
    const until = widest.sizes[group] ?? []
    widest.sizes[group] = sizes.map((size, part) => Math.max(until[part] ?? 0, roundedUp(size)))
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
