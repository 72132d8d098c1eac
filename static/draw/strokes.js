/** What is drawn, stroke by stroke, and what can be taken back. */

/** The square is so many units wide and high (data/strokes.py). */
export const SIDE = 1000
export const THINNEST = 30
export const THICKEST = 150

/** A point nearer than this to the last one adds nothing. */
const NEAR = 4

export class Strokes {
  /**
   * @param {import("./draw.js").Stroke[]} list
   * @param {number} width of the pen
   */
  constructor(list, width) {
    this.list = list.map((stroke) => ({ ...stroke, points: [...stroke.points] }))
    this.width = width
    /** What Clear took away, until something new is drawn. */
    this.past = []
  }

  /** Begin a stroke at a place, given in shares of the square. */
  begin(place) {
    this.past = []
    this.list.push({ width: this.width, points: [units(place)] })
  }

  /** Draw the last stroke on to a place. */
  extend(place) {
    const { points } = this.list.at(-1)
    const point = units(place)
    const last = points.at(-1)
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) >= NEAR) points.push(point)
  }

  /** Take back the last stroke, or the clearing. Returns whether there was something. */
  undo() {
    if (this.list.length) {
      this.list.pop()
      return true
    }
    if (!this.past.length) return false
    this.list = this.past
    this.past = []
    return true
  }

  clear() {
    if (this.list.length) this.past = this.list
    this.list = []
  }
}

function units(place) {
  return place.map((share) => Math.round(Math.min(1, Math.max(0, share)) * SIDE))
}
