/** One panel on the page: its heading, its canvas, its colour scale. */

import { css } from "./colours.js"
import { element } from "./element.js"
import { fixed, scaleEnd } from "./format.js"
import * as geometry from "./geometry.js"
import {
  outline, paintActive, paintBars, paintBlocked, paintCovered, paintFilter, paintMap, paintUnits, paintWindows, paintWinners,
} from "./paint.js"
import { onward } from "./panels.js"
import { description } from "./readout.js"
import { MAP } from "./step.js"

// Room around the cells, in CSS pixels, so that an outline at the edge is not cut.
const MARGIN = 2
// How much of the paper covers the cells that are not lit.
const VEIL = 0.5

export class PanelView {
  /**
   * @param {import("./panels.js").Panel} panel
   * @param {(panel: string) => void} asked somebody wants to know what it is
   */
  constructor(panel, asked) {
    this.panel = panel
    this.canvas = element("canvas", { tabIndex: 0, role: "application" })
    this.canvas.setAttribute("aria-roledescription", "map of values")
    this.context = this.canvas.getContext("2d")
    this.base = document.createElement("canvas")
    this.shape = element("small")
    const operations = [
      element("span", { className: "word", textContent: panel.operation }),
      element("span", { className: "onward", textContent: onward(panel) }),
    ]
    this.heading = element("button", { type: "button", textContent: panel.title, disabled: true })
    this.heading.addEventListener("click", () => asked(panel.name))
    this.symbol = symbol(panel.symbol)
    this.low = element("span")
    this.high = element("span")
    this.marks = [element("b"), element("b")]
    this.bar = element("i", {}, this.marks)
    this.foot = element("div", { className: "scale" }, [this.low, this.bar, this.high])
    this.section = element("section", { className: `panel ${panel.row} ${panel.kind}` }, [
      element("div", { className: "operation", ariaHidden: "true" }, operations),
      element("h3", {}, [this.heading, this.symbol, this.shape]),
      element("div", { className: "picture" }, [this.canvas]),
      this.foot,
    ])
    this.section.dataset.panel = panel.name
    this.section.style.gridArea = panel.name
  }

  /**
   * @param {import("./layout.js").Layout} layout
   * @param {{hidden: number}} meta
   */
  resize(layout, { hidden }) {
    const { cell: u, ratio } = layout
    const flat = this.panel.row === "update"
    this.ratio = ratio
    if (this.panel.kind === "map") {
      const columns = this.panel.columns
      const side = columns === MAP / 2 ? 2 * u : u
      this.geometry = geometry.grid(columns, columns * columns, side)
    } else if (this.panel.kind === "filter") {
      const width = this.panel.name === "filter_change" ? 9 * u : 7 * u
      const height = flat ? 5 * u : 7 * u
      this.geometry = geometry.filter(width, height, u, 4 * u)
    } else if (this.panel.kind === "units") {
      const [width, height] = [Math.floor(layout.units * ratio), 26 * u]
      const side = largestSide(width, height, hidden)
      this.geometry = geometry.grid(Math.floor(width / side), hidden, side)
    } else {
      this.geometry = geometry.rows(Math.floor(layout.bars * ratio), Math.floor(2.6 * u), 10)
    }
    const margin = Math.round(MARGIN * ratio)
    for (const canvas of [this.canvas, this.base]) {
      canvas.width = this.geometry.width + 2 * margin
      canvas.height = this.geometry.height + 2 * margin
    }
    this.margin = margin
    this.canvas.style.width = `${this.canvas.width / ratio}px`
    this.canvas.style.height = `${this.canvas.height / ratio}px`
    this.canvas.style.margin = `${-margin / ratio}px`
    this.section.style.setProperty("--picture", `${this.geometry.width / ratio}px`)
    this.foot.classList.toggle("compact", this.geometry.width / ratio < 100)
  }

  /**
   * @param {import("./step.js").Step} step
   * @param {import("./ranges.js").Ranges} ranges
   * @param {import("./colours.js").Theme} theme
   * @param {import("./relations.js").Cells | undefined} lit undefined: nothing is highlighted here
   * @param {{anything: boolean, active: number, focused: number}} highlight
   */
  draw(step, ranges, theme, lit, { anything, active, focused }) {
    const range = ranges.of(this.panel.range, step.filter)
    const context = this.base.getContext("2d")
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, this.base.width, this.base.height)
    context.translate(this.margin, this.margin)
    this.paintCells(context, step, range, theme)
    this.show(theme, lit, anything, active, focused)
    this.label(step, range)
  }

  paintCells(context, step, range, theme) {
    const { geometry: cells, panel, ratio } = this
    const values = step[panel.name]
    const colour = panel.colours === "grey" ? theme.grey : (value) => theme.signed(value, range)
    const sign = panel.colours === "signed"
    if (panel.kind === "map") {
      paintMap(context, cells, values, colour)
      if (panel.name === "feature_map") {
        paintWindows(context, cells, theme)
        paintWinners(context, cells, step, theme, ratio)
      }
      if (panel.name === "backfill" || panel.name === "dz") {
        paintBlocked(context, cells, step, theme, ratio)
      }
    } else if (panel.kind === "units") {
      paintUnits(context, cells, values, colour, theme)
    } else if (panel.kind === "filter") {
      const decimals = panel.decimals
      const signs = panel.name === "filter_change" || panel.name === "filter_gradient"
      paintFilter(context, cells, values, colour, theme, { ratio, decimals, sign: signs })
    } else {
      const { classes: names, label, predicted, told } = step.meta
      paintBars(context, cells, values, colour, theme, {
        ratio, names, label: told === false ? -1 : label, predicted: sign ? -1 : predicted, sign,
      })
    }
    paintCovered(context, cells, step.covered.get(panel.name) ?? [], theme, ratio)
  }

  /** The cells as painted; where something is highlighted, the others under a veil. */
  show(theme, lit, anything, active, focused) {
    const { context, canvas, base, margin, ratio, geometry: cells } = this
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, canvas.width, canvas.height)
    context.drawImage(base, 0, 0)
    context.translate(margin, margin)
    if (anything) {
      context.globalAlpha = VEIL
      context.fillStyle = theme.paper
      context.fillRect(0, 0, cells.width, cells.height)
      context.globalAlpha = 1
      for (const cell of lit ? [...lit.weak, ...lit.strong] : []) {
        const [left, top, width, height] = cells.rect(cell)
        context.drawImage(base, left + margin, top + margin, width, height, left, top, width, height)
      }
    }
    if (lit?.weak.size) outline(context, cells, lit.weak, theme, ratio, { weak: true })
    if (lit?.strong.size) outline(context, cells, lit.strong, theme, ratio)
    for (const cell of new Set([active, focused])) {
      if (cell >= 0) paintActive(context, cells.rect(cell), theme, ratio)
    }
  }

  label(step, range) {
    const { panel } = this
    this.heading.disabled = !step.meta.explains
    this.heading.title = step.meta.explains ? "What is this?" : ""
    write(this.shape, panel.shape(step.meta))
    if (panel.name === "filter_gradient") {
      const mean = step.meta.batch > 1
      write(this.heading, mean ? "mean gradient" : panel.title)
      write(this.symbol, mean ? "dk" : panel.symbol)
    }
    if (panel.name === "probabilities") {
      this.verdict(step)
      return
    }
    const end = panel.range === "image" || panel.range === "delta2" ? "1" : scaleEnd(range)
    const sign = panel.colours === "signed"
    const compact = this.foot.classList.contains("compact")
    write(this.low, sign ? (compact ? "" : `−${end}`) : "0")
    write(this.high, sign ? `${compact ? "±" : "+"}${end}` : end)
    const values = step[panel.name]
    const ends = [Math.min(...values), Math.max(...values)]
    ends.forEach((value, index) => {
      const share = sign ? (value + range) / (2 * range) : value / range
      this.marks[index].style.left = `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`
    })
    this.foot.title = `The colours reach ${sign ? "±" : "from 0 to "}${end}. `
      + `This step’s values: ${fixed(ends[0])} to ${fixed(ends[1])}.`
  }

  /** Under the probabilities there is no scale, but what they come to. */
  verdict({ meta }) {
    if (!this.says) {
      this.says = [element("b", { className: "says" }), element("b", { className: "is" })]
      this.foot.className = "verdict"
      this.foot.replaceChildren("says ", this.says[0], " is ", this.says[1])
    }
    write(this.says[0], meta.classes[meta.predicted])
    write(this.says[1], meta.told === false ? "?" : meta.classes[meta.label])
  }

  /** The picture in words. */
  describe(step) {
    this.canvas.setAttribute("aria-label", description(this.panel, step))
  }

  /** Colours of the scale; they change with the theme only. */
  colour(theme) {
    const stops = Array.from({ length: 17 }, (_, index) => {
      const share = index / 16
      if (this.panel.colours === "grey") return css(theme.grey(share))
      if (this.panel.colours === "positive") return css(theme.signed(share, 1))
      return css(theme.signed(2 * share - 1, 1))
    })
    this.bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`
  }

  /** The cell under a pointer, or −1. */
  cellAt(event) {
    const { left, top } = this.canvas.getBoundingClientRect()
    const x = (event.clientX - left) * this.ratio - this.margin
    const y = (event.clientY - top) * this.ratio - this.margin
    return this.geometry.at(x, y)
  }

  /** The box around some cells, in CSS pixels of the window. */
  boxOf(cells) {
    const { left, top } = this.canvas.getBoundingClientRect()
    const rects = [...cells].map((cell) => this.geometry.rect(cell))
    const x = (pixels) => left + (pixels + this.margin) / this.ratio
    const y = (pixels) => top + (pixels + this.margin) / this.ratio
    return {
      left: x(Math.min(...rects.map((rect) => rect[0]))),
      top: y(Math.min(...rects.map((rect) => rect[1]))),
      right: x(Math.max(...rects.map((rect) => rect[0] + rect[2]))),
      bottom: y(Math.max(...rects.map((rect) => rect[1] + rect[3]))),
    }
  }
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text
}

/** a1 as a variable with an index. */
function symbol(text) {
  const [, name, index] = /^(.*?)(\d?)$/.exec(text)
  return element("var", {}, index ? [name, element("sub", { textContent: index })] : [name])
}

/** The largest square of which so many fit into a rectangle, column by column. */
function largestSide(width, height, count) {
  let side = Math.floor(Math.sqrt((width * height) / count))
  while (side > 1 && Math.floor(width / side) * Math.floor(height / side) < count) side--
  return side
}
