/**
 * A short curve on the page, with its heading. A click on it, or a drag over it, seeks a step.
 *
 * For the keyboard there is the page's own scrubber.
 */

import { stepAt } from "./curves.js"
import { element } from "./element.js"

// While the pointer is dragged, a step is sought at most so often, in milliseconds.
const SEEK_EVERY = 120

export class CurveView {
  /** @param {(step: number) => void} sought */
  constructor(name, title, words, sought) {
    this.sought = sought
    /** @type {import("./curves.js").Axis[]} */
    this.axes = []
    this.canvas = element("canvas", { role: "img", title: "Click: go to that step." })
    this.canvas.setAttribute("aria-label", `${title} ${words}`)
    this.picture = element("div", { className: "picture" }, [this.canvas])
    this.section = element("section", { className: "curve" }, [
      element("h3", {}, [element("span", { textContent: title }), element("small", { textContent: words })]),
      this.picture,
    ])
    this.section.dataset.panel = name
    this.section.style.gridArea = `${name}-curve`
    this.listen()
  }

  listen() {
    const { canvas } = this
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return
      if (event.pointerType === "mouse") canvas.setPointerCapture(event.pointerId)
      this.last = undefined
      this.time = -Infinity
      if (event.pointerType === "mouse") this.seek(event)
    })
    canvas.addEventListener("pointermove", (event) => {
      // A finger is captured by itself, and swipes the page.
      const dragged = event.pointerType === "mouse" && canvas.hasPointerCapture(event.pointerId)
      if (dragged && event.timeStamp > this.time + SEEK_EVERY) {
        this.seek(event)
      }
    })
    // A finger may be about to scroll: only a tap counts.
    canvas.addEventListener("click", (event) => this.seek(event))
  }

  /** Seek the step under the pointer, once. */
  seek({ offsetX, offsetY, timeStamp }) {
    if (!this.axes.length) return
    const step = stepAt(this.axes, offsetX, offsetY)
    if (step === this.last) return
    this.last = step
    this.time = timeStamp
    this.sought(step)
  }

  /**
   * Draw; the canvas takes the room that the grid gives it.
   *
   * @param {(context: CanvasRenderingContext2D, size: {width: number, height: number}) =>
   *   import("./curves.js").Axis[]} paint in CSS pixels
   */
  draw(ratio, paint) {
    const { canvas, picture } = this
    const size = { width: picture.clientWidth, height: picture.clientHeight }
    const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)]
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    const context = canvas.getContext("2d")
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    this.axes = paint(context, size)
  }
}
