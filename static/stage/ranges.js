/**
 * How far each quantity's colours reach.
 *
 * Fixed: a range starts from the run's first step, whichever is shown, and only ever widens, to the
 * next of 1, 1.5, 2, 3, 4, 6, 8, 10, 15, …, when a value no longer fits; it never shrinks while the
 * run is looked at. So a quantity that grows looks stronger, one that fades looks paler, and when a
 * scale must change, the number beside it says so. Following: the range is this step's largest
 * value, which shows the pattern of faint values and hides whether they grow.
 *
 * What belongs together shares a range (pages/parts/reach.py). Each filter has its own, except in
 * the strip that compares them. Probabilities and their errors have the range they can have.
 */

const ALWAYS = { image: 1, probabilities: 1, delta2: 1 }

export class Ranges {
  constructor() {
    this.following = false
    this.run = undefined
    this.fixed = {}
    this.step = {}
  }

  /** @param {import("./decode.js").Frame} frame */
  update({ meta }) {
    if (meta.run !== this.run) {
      this.run = meta.run
      this.fixed = {}
      this.widen(meta.first_reach)
    }
    this.widen(meta.reach)
    this.step = meta.reach
  }

  widen(reach) {
    for (const [group, sizes] of Object.entries(reach)) {
      this.fixed[group] ??= sizes.map(() => 0)
      sizes.forEach((size, part) => {
        this.fixed[group][part] = Math.max(this.fixed[group][part], roundedUp(size))
      })
    }
  }

  /** The largest size that a group's colours tell apart, for one filter. */
  of(group, filter) {
    if (group in ALWAYS) return ALWAYS[group]
    const ranges = (this.following ? this.step : this.fixed)[group]
    return ranges[ranges.length > 1 ? filter : 0] || 1
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
