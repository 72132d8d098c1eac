/** All filters side by side, small: each one's weights and its feature map. One of them is shown. */

import { element } from "./element.js"
import * as geometry from "./geometry.js"
import { paintMap, paintUnits } from "./paint.js"
import { stepOf } from "./step.js"

const MAP_CELL = 2
const WEIGHT_CELL = 8

export class Strip {
  /** @param {(filter: number) => void} chosen */
  constructor(chosen) {
    this.chosen = chosen
    this.buttons = []
    this.list = element("div", { role: "radiogroup" })
    this.list.setAttribute("aria-label", "the filter that the large panels show")
    this.section = element("section", { className: "strip" }, [
      element("span", { textContent: "filters" }),
      this.list,
    ])
    this.list.addEventListener("keydown", (event) => this.key(event))
  }

  /** @param {import("./decode.js").Frame} frame */
  draw(frame, shown, ranges, theme, ratio) {
    const { filters } = frame.meta
    this.section.hidden = filters < 2
    if (this.section.hidden) return
    if (this.buttons.length !== filters) this.build(filters)
    this.buttons.forEach(({ button, canvas }, filter) => {
      const selected = filter === shown
      button.setAttribute("aria-checked", String(selected))
      button.tabIndex = selected ? 0 : -1
      paintSmall(canvas, stepOf(frame, filter), ranges, theme, ratio)
    })
  }

  build(filters) {
    this.buttons = Array.from({ length: filters }, (_, filter) => {
      const canvas = element("canvas", { ariaHidden: "true" })
      const button = element("button", { type: "button", role: "radio" }, [
        canvas, element("span", { textContent: String(filter + 1) }),
      ])
      button.setAttribute("aria-label", `filter ${filter + 1}`)
      button.addEventListener("click", () => this.chosen(filter))
      return { button, canvas }
    })
    this.list.replaceChildren(...this.buttons.map(({ button }) => button))
  }

  key(event) {
    const move = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key]
    if (!move) return
    event.preventDefault()
    const now = this.buttons.findIndex(({ button }) => button.tabIndex === 0)
    const next = (now + move + this.buttons.length) % this.buttons.length
    this.chosen(next)
    this.buttons[next].button.focus()
  }
}

function paintSmall(canvas, step, ranges, theme, ratio) {
  const cell = Math.round(MAP_CELL * ratio)
  const map = geometry.grid(26, 676, cell)
  const weights = geometry.grid(3, 9, Math.round(WEIGHT_CELL * ratio))
  const gap = Math.round(4 * ratio)
  const [width, height] = [weights.width + gap + map.width, map.height]
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, { width, height })
    canvas.style.width = `${width / ratio}px`
    canvas.style.height = `${height / ratio}px`
  }
  const context = canvas.getContext("2d")
  context.setTransform(1, 0, 0, 1, 0, 0)
  context.clearRect(0, 0, width, height)
  const signed = (group) => (value) => theme.signed(value, ranges.overall(group))
  context.translate(0, (height - weights.height) / 2)
  paintUnits(context, weights, step.filter_before, signed("weights"), theme)
  context.setTransform(1, 0, 0, 1, weights.width + gap, 0)
  paintMap(context, map, step.feature_map, signed("maps"))
}
