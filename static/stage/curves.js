/**
 * The short curves: the loss, and the nine weights of the shown filter, over the run's steps.
 *
 * @typedef {{left: number, top: number, width: number, height: number}} Box
 * @typedef {{box: Box, first: number, last: number}} Axis where a curve lies, and its steps
 */

import { css } from "./colours.js"
import { count, fixed, rate } from "./format.js"

const FONT = 11

/**
 * The smoothed loss.
 *
 * @param {CanvasRenderingContext2D} context in CSS pixels
 * @param {{width: number, height: number}} size
 * @param {{steps: number[], values: number[], changes: number[][], shown: number}} curve shown: the
 *   step on the stage
 * @returns {Axis[]}
 */
export function paintLoss(context, size, { steps, values, changes, shown }, theme) {
  const box = { left: 30, top: 7, width: size.width - 36, height: size.height - 26 }
  const highest = niceTop(Math.max(0, ...values))
  context.clearRect(0, 0, size.width, size.height)
  context.font = `${FONT}px ${theme.font}`
  const scale = scaleOf(box, steps, 0, highest)
  context.textAlign = "right"
  context.textBaseline = "middle"
  for (const tick of [0, highest / 2, highest]) {
    rule(context, box.left, scale.y(tick), box.left + box.width, scale.y(tick), theme.line, 0.7)
    context.fillStyle = theme.muted
    context.fillText(fixed(tick, highest < 1 ? 2 : 1), box.left - 5, scale.y(tick))
  }
  stepTicks(context, box, steps, theme)
  rateMarks(context, box, scale, changes, theme)
  line(context, scale, steps, values, theme.ink, 1.6)
  if (steps.length === 1) dot(context, scale.x(steps[0]), scale.y(values[0]), theme.ink)
  hereMark(context, box, scale, shown, theme)
  rateNames(context, box, scale, { steps, values, changes }, theme)
  return [axisOf(box, scale)]
}

/**
 * Nine small curves, each where its weight stands in the filter, all on one scale.
 *
 * @returns {Axis[]}
 */
export function paintWeights(context, size, { steps, values, changes, shown, current, lit }, theme) {
  const highest = niceTop(Math.max(...values.map(Math.abs), ...current.slice(0, 9).map(Math.abs), 0.01))
  const left = 36
  const gap = 8
  const width = (size.width - left - 6 - 2 * gap) / 3
  const height = (size.height - 20 - 2 * gap) / 3
  context.clearRect(0, 0, size.width, size.height)
  context.font = `${FONT}px ${theme.font}`
  const axes = []
  for (let weight = 0; weight < 9; weight++) {
    const box = {
      left: left + (weight % 3) * (width + gap),
      top: 2 + Math.floor(weight / 3) * (height + gap),
      width,
      height,
    }
    const scale = scaleOf(box, steps, -highest, highest)
    rule(context, box.left, scale.y(0), box.left + box.width, scale.y(0), theme.line, 1)
    rateMarks(context, box, scale, changes, theme)
    const own = steps.map((_, at) => values[9 * at + weight])
    const colour = css(theme.signed(current[weight] >= 0 ? 0.72 : -0.72, 1))
    line(context, scale, steps, own, colour, 1.7)
    hereMark(context, box, scale, shown, theme)
    if (own.length) dot(context, scale.x(shown), scale.y(current[weight]), colour)
    context.strokeStyle = lit?.has(weight) ? theme.accent : theme.line
    context.lineWidth = lit?.has(weight) ? 2 : 1
    context.strokeRect(box.left, box.top, box.width, box.height)
    if (weight % 3 === 0) heightTicks(context, box, highest, theme)
    if (weight >= 6) stepTicks(context, box, steps, theme)
    axes.push(axisOf(box, scale))
  }
  return axes
}

/**
 * The step that a point of a curve belongs to; to the left or right of all curves the nearest.
 *
 * @param {Axis[]} axes
 */
export function stepAt(axes, x, y) {
  const beside = (value, start, size) => Math.max(start - value, 0, value - start - size)
  const distance = ({ box }) => beside(x, box.left, box.width) + beside(y, box.top, box.height)
  const { box, first, last } = axes.reduce((one, other) => (
    distance(other) < distance(one) ? other : one))
  const share = Math.min(1, Math.max(0, (x - box.left) / box.width))
  return Math.round(first + share * (last - first))
}

function axisOf(box, { first, last }) {
  return { box, first, last }
}

/** An upright at a step of the past that the stage shows. The newest is at the end: no mark. */
function hereMark(context, box, scale, shown, theme) {
  if (shown >= scale.last) return
  const x = Math.round(scale.x(shown)) + 0.5
  rule(context, x, box.top, x, box.top + box.height, theme.accent, 1.5)
}

function heightTicks(context, box, highest, theme) {
  context.fillStyle = theme.muted
  context.textAlign = "right"
  context.textBaseline = "middle"
  context.fillText(`+${fixed(highest, 1)}`, box.left - 5, box.top + 5)
  context.fillText(`−${fixed(highest, 1)}`, box.left - 5, box.top + box.height - 5)
}

/** First and last step under a curve; only the last where both do not fit. */
function stepTicks(context, box, steps, theme) {
  if (!steps.length) return
  const below = box.top + box.height + 4
  const [first, last] = [count(steps[0]), count(steps.at(-1))]
  context.fillStyle = theme.muted
  context.textBaseline = "top"
  context.textAlign = "right"
  context.fillText(last, box.left + box.width, below)
  const room = box.width - context.measureText(last).width - context.measureText(first).width
  if (room < 8 || steps.length < 2) return
  context.textAlign = "left"
  context.fillText(first, box.left, below)
}

/** A dashed upright where the learning rate changed. */
function rateMarks(context, box, scale, changes, theme) {
  context.setLineDash([2, 2])
  for (const [step] of changes) {
    if (step > scale.first && step <= scale.last) {
      rule(context, scale.x(step), box.top, scale.x(step), box.top + box.height, theme.muted, 1)
    }
  }
  context.setLineDash([])
}

/**
 * The new learning rate beside its mark, above or below the curve where it is there; from the last
 * change backward while there is room. A rim of paper keeps it readable where the curve comes by.
 */
function rateNames(context, box, scale, { steps, values, changes }, theme) {
  context.textBaseline = "middle"
  context.fillStyle = theme.muted
  context.strokeStyle = theme.paper
  context.lineWidth = 6 // as wide as the space in the name, whichever font draws it
  context.lineJoin = "round"
  let free = box.left + box.width
  for (const [step, value] of [...changes].reverse()) {
    if (step <= scale.first || step > scale.last) continue
    const text = `η ${rate(value)}`
    const width = context.measureText(text).width
    const after = scale.x(step) + 4
    const start = after + width <= free ? after : scale.x(step) - 4 - width
    if (start < box.left || start + width > free) continue
    const high = scale.y(values[steps.findLastIndex((at) => at <= step)]) < box.top + box.height / 2
    const middle = high ? box.top + box.height - 9 : box.top + 9
    context.textAlign = "left"
    context.strokeText(text, start, middle)
    context.fillText(text, start, middle)
    free = Math.min(start, scale.x(step)) - 4
  }
}

function scaleOf(box, steps, lowest, highest) {
  const first = steps[0] ?? 0
  const last = steps.at(-1) ?? 1
  return {
    first,
    last,
    x: (step) => {
      const share = last > first ? (Math.min(step, last) - first) / (last - first) : 1
      return box.left + share * box.width
    },
    y: (value) => box.top + (1 - (value - lowest) / (highest - lowest)) * box.height,
  }
}

function line(context, scale, steps, values, colour, width) {
  context.strokeStyle = colour
  context.lineWidth = width
  context.lineJoin = "round"
  context.beginPath()
  let drawing = false
  steps.forEach((step, at) => {
    if (!Number.isFinite(values[at])) {
      drawing = false
      return
    }
    context[drawing ? "lineTo" : "moveTo"](scale.x(step), scale.y(values[at]))
    drawing = true
  })
  context.stroke()
}

function dot(context, x, y, colour) {
  context.fillStyle = colour
  context.beginPath()
  context.arc(x, y, 2.2, 0, 2 * Math.PI)
  context.fill()
}

function rule(context, x, y, toX, toY, colour, width) {
  context.strokeStyle = colour
  context.lineWidth = width
  context.beginPath()
  context.moveTo(x, y)
  context.lineTo(toX, toY)
  context.stroke()
}

/** The top of an axis: the next of a few round numbers. */
export function niceTop(value) {
  if (!(value > 0) || !Number.isFinite(value)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  const round = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10]
  return power * round.find((digit) => value <= digit * power * 1.000001)
}
