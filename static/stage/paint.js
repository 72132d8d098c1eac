/** Drawing cells, marks and highlights on a canvas. Lengths are pixels of the screen. */

import { css, luminance } from "./colours.js"
import { fixed, signed } from "./format.js"
import { BIAS, DEAD, TIE, isCovered, windowCells } from "./step.js"

const scratch = document.createElement("canvas")
// A patch of the image, or a filter with its bias.
const MANY = 10
/** @type {Map<string, number>} text length, width and font → font size */
const fitted = new Map()

/** A map: one crisp square for each value, through a picture of one pixel a cell. */
export function paintMap(context, geometry, values, colour) {
  const { columns, count, width, height } = geometry
  const rows = count / columns
  scratch.width = columns
  scratch.height = rows
  const small = scratch.getContext("2d")
  const picture = small.createImageData(columns, rows)
  for (let index = 0; index < count; index++) {
    const [red, green, blue] = colour(values[index])
    picture.data.set([red, green, blue, 255], 4 * index)
  }
  small.putImageData(picture, 0, 0)
  context.imageSmoothingEnabled = false
  context.drawImage(scratch, 0, 0, width, height)
}

/** Squares with a hair of paper between them: the hidden units. */
export function paintUnits(context, geometry, values, colour, theme) {
  for (let index = 0; index < geometry.count; index++) {
    const [left, top, width, height] = geometry.rect(index)
    context.fillStyle = css(colour(values[index]))
    context.fillRect(left, top, width - 1, height - 1)
  }
  context.strokeStyle = theme.line
}

/** A filter's nine numbers and its bias, written into their cells. */
export function paintFilter(context, geometry, values, colour, theme, { ratio, decimals, sign }) {
  const write = sign ? signed : fixed
  context.textAlign = "center"
  context.textBaseline = "middle"
  for (let index = 0; index < geometry.count; index++) {
    const [left, top, width, height] = geometry.rect(index)
    const background = colour(values[index])
    context.fillStyle = css(background)
    context.fillRect(left, top, width, height)
    const text = write(values[index], decimals)
    context.fillStyle = luminance(background) > 0.52 ? "#14171d" : "#ffffff"
    const written = index === BIAS ? `b  ${text}` : text
    fitText(context, written, width - 4 * ratio, Math.min(13, height / ratio / 2.2 + 2), ratio, theme)
    context.fillText(written, left + width / 2, top + height / 2 + ratio / 2)
  }
  context.strokeStyle = theme.paper
  context.lineWidth = ratio
  for (let index = 0; index < geometry.count; index++) {
    const [left, top, width, height] = geometry.rect(index)
    context.strokeRect(left, top, width, height)
  }
}

/**
 * Set the largest font up to a size in which a text still fits. Measured are as many eights as the
 * text has characters, so the size does not change with the digits.
 */
function fitText(context, text, width, size, ratio, theme) {
  const key = [text.length, width, size, theme.font].join()
  const font = (points) => `500 ${points * ratio}px ${theme.font}`
  if (!fitted.has(key)) {
    let points = size
    do context.font = font(points)
    while (context.measureText("8".repeat(text.length)).width > width && (points -= 0.5) > 8)
    fitted.set(key, points)
  }
  context.font = font(fitted.get(key))
}

/**
 * The ten outputs as bars: probabilities from the left edge, errors from the middle. The true class
 * is outlined (for a probability up to 1, what the network should have said), the class that the
 * network says is written on ink.
 */
export function paintBars(context, geometry, values, colour, theme, { ratio, names, label, predicted, sign }) {
  const size = Math.min(13, geometry.rect(0)[3] / ratio - 3)
  const nameWidth = nameColumn(context, names, size, geometry.width, ratio, theme)
  const numberWidth = Math.round((sign ? 45 : 40) * ratio)
  const room = geometry.width - nameWidth - numberWidth
  context.textBaseline = "middle"
  for (let index = 0; index < geometry.count; index++) {
    const [left, top, , height] = geometry.rect(index)
    const middle = top + height / 2
    const inset = Math.max(1, Math.round(1.5 * ratio))
    const barTop = top + inset
    const barHeight = height - 2 * inset
    context.fillStyle = css(colour(0))
    context.fillRect(left + nameWidth, barTop, room, barHeight)
    const value = Math.min(1, Math.max(-1, values[index]))
    const zero = left + nameWidth + (sign ? room / 2 : 0)
    const length = (sign ? room / 2 : room) * value
    context.fillStyle = css(colour(value >= 0 ? 0.75 : -0.75))
    context.fillRect(Math.min(zero, zero + length), barTop, Math.abs(length), barHeight)
    if (sign) {
      context.fillStyle = theme.muted
      context.fillRect(Math.round(zero), top, Math.max(1, Math.round(ratio)), height)
    }
    if (index === label && !sign) {
      context.strokeStyle = theme.ink
      context.lineWidth = Math.max(1, Math.round(ratio))
      context.setLineDash([3 * ratio, 2 * ratio])
      context.strokeRect(left + nameWidth + 0.5, barTop + 0.5, room - 1, barHeight - 1)
      context.setLineDash([])
    }
    nameTag(context, names[index], left, middle, nameWidth - 4 * ratio, barHeight, theme, {
      filled: index === predicted, outlined: index === label, size, ratio,
    })
    context.fillStyle = theme.ink
    context.font = `${index === label || index === predicted ? 650 : 400} ${size * ratio}px ${theme.font}`
    context.textAlign = "right"
    context.fillText(sign ? signed(values[index], 3) : fixed(values[index], 3),
      left + geometry.width, middle + ratio / 2)
  }
}

/** Room for the longest name, but no more than leaves the bars something to say. */
function nameColumn(context, names, size, width, ratio, theme) {
  context.font = `700 ${size * ratio}px ${theme.font}`
  const longest = Math.max(...names.map((name) => context.measureText(name).width))
  return Math.round(Math.max(17 * ratio, Math.min(longest + 8 * ratio, 0.42 * width)))
}

/** A name, cut short where there is no room for all of it. */
function shortened(context, name, width) {
  let end = name.length
  let shown = name
  while (end > 1 && context.measureText(shown).width > width) shown = `${name.slice(0, --end)}…`
  return shown
}

function nameTag(context, name, left, middle, width, height, theme, { filled, outlined, size, ratio }) {
  if (filled) {
    context.fillStyle = theme.ink
    context.fillRect(left, middle - height / 2, width, height)
  }
  if (outlined) {
    context.strokeStyle = theme.ink
    context.lineWidth = Math.max(1, Math.round(1.5 * ratio))
    context.strokeRect(left + ratio / 2, middle - height / 2 + ratio / 2, width - ratio, height - ratio)
  }
  context.fillStyle = filled ? theme.paper : theme.ink
  context.font = `${filled || outlined ? 700 : 400} ${size * ratio}px ${theme.font}`
  context.textAlign = "center"
  context.fillText(shortened(context, name, width), left + width / 2, middle + ratio / 2)
}

/** The 2×2 windows of a map, as fine lines. */
export function paintWindows(context, geometry, theme) {
  const side = 2 * geometry.rect(0)[2]
  context.fillStyle = theme.line
  context.globalAlpha = 0.5
  for (let at = side; at < geometry.width; at += side) {
    context.fillRect(at, 0, 1, geometry.height)
    context.fillRect(0, at, geometry.width, 1)
  }
  context.globalAlpha = 1
}

/**
 * How each pooling window ended: a box around a single winner, two bars (=) on the first of equal
 * ones, a faint cross in a window that is all zero.
 */
export function paintWinners(context, geometry, step, theme, ratio) {
  for (let window = 0; window < step.windows.length; window++) {
    if (isCovered(step, "pooled", window)) continue
    if (step.windows[window] === DEAD) {
      const [left, top, side] = geometry.rect(windowCells(window)[0])
      paintDead(context, left + side, top + side, side * 0.34, theme, ratio)
    } else {
      const paint = step.windows[window] === TIE ? paintTie : paintUnique
      paint(context, geometry.rect(step.winner[window]), theme, ratio)
    }
  }
}

/** A cross on every cell of a back-filled map whose error the ReLU blocks. */
export function paintBlocked(context, geometry, step, theme, ratio) {
  for (let window = 0; window < step.windows.length; window++) {
    if (step.windows[window] !== DEAD || isCovered(step, "pooled", window)) continue
    const [left, top, side] = geometry.rect(step.winner[window])
    paintDead(context, left + side / 2, top + side / 2, side * 0.3, theme, ratio)
  }
}

/** A question mark on every cell whose number is asked for, and nothing of its colour. */
export function paintCovered(context, geometry, covered, theme, ratio) {
  context.textAlign = "center"
  context.textBaseline = "middle"
  for (const cell of covered) {
    const [left, top, width, height] = geometry.rect(cell)
    context.fillStyle = theme.paper
    context.fillRect(left, top, width, height)
    context.strokeStyle = theme.ink
    context.lineWidth = ratio
    context.strokeRect(left + ratio / 2, top + ratio / 2, width - ratio, height - ratio)
    context.fillStyle = theme.ink
    context.font = `700 ${Math.min(13 * ratio, height - ratio)}px ${theme.font}`
    context.fillText("?", left + width / 2, top + height / 2 + ratio / 2)
  }
}

export function paintUnique(context, [left, top, side], theme, ratio) {
  const line = Math.max(1, Math.round(1.2 * ratio))
  context.lineWidth = line
  context.strokeStyle = theme.ink
  context.strokeRect(left + line / 2, top + line / 2, side - line, side - line)
}

export function paintTie(context, [left, top, side], theme, ratio) {
  const line = Math.max(1, Math.round(ratio))
  const inset = Math.round(side / 6)
  context.fillStyle = theme.muted
  context.globalAlpha = 0.6
  for (const part of [0.28, 0.62]) {
    context.fillRect(left + inset, Math.round(top + part * side), side - 2 * inset, line)
  }
  context.globalAlpha = 1
}

export function paintDead(context, x, y, reach, theme, ratio) {
  context.strokeStyle = theme.muted
  context.globalAlpha = 0.4
  context.lineWidth = Math.max(1, 0.9 * ratio)
  context.beginPath()
  for (const slope of [1, -1]) {
    context.moveTo(x - reach, y - slope * reach)
    context.lineTo(x + reach, y + slope * reach)
  }
  context.stroke()
  context.globalAlpha = 1
}

/**
 * Outline a set of cells, joined where they touch, so that a patch is one shape.
 *
 * @param {Set<number>} cells
 */
export function outline(context, geometry, cells, theme, ratio, { weak = false } = {}) {
  const path = new Path2D()
  for (const cell of cells) {
    const [left, top, w, h] = geometry.rect(cell)
    const inside = (right, down) => {
      const next = geometry.step(cell, right, down)
      return next !== cell && cells.has(next) && touching(geometry.rect(cell), geometry.rect(next))
    }
    const sides = [
      [inside(0, -1), left, top, left + w, top],
      [inside(0, 1), left, top + h, left + w, top + h],
      [inside(-1, 0), left, top, left, top + h],
      [inside(1, 0), left + w, top, left + w, top + h],
    ]
    for (const [shared, x, y, toX, toY] of sides) {
      if (shared) continue
      path.moveTo(x, y)
      path.lineTo(toX, toY)
    }
  }
  // Around many scattered cells a strong line would hide what it points at.
  const fine = weak || cells.size > MANY
  context.lineCap = "square"
  if (!fine) {
    context.strokeStyle = theme.halo
    context.lineWidth = 2 * Math.round(2 * ratio)
    context.stroke(path)
  }
  context.strokeStyle = theme.accent
  context.globalAlpha = weak ? 0.75 : 1
  context.setLineDash(weak ? [2 * ratio, 3 * ratio] : [])
  // An even number of pixels, half of it on either side of the border, is crisp.
  context.lineWidth = fine ? Math.round(ratio) : 2 * Math.round(ratio)
  context.stroke(path)
  context.setLineDash([])
  context.globalAlpha = 1
  context.lineCap = "butt"
}

/** The cell that is looked at: a box around it, a step larger than the outlines. */
export function paintActive(context, [left, top, width, height], theme, ratio) {
  const line = 2 * Math.round(ratio)
  for (const [grow, lineWidth, colour] of [[line / 2, 2 * line, theme.halo], [line / 2, line, theme.accent]]) {
    context.strokeStyle = colour
    context.lineWidth = lineWidth
    context.strokeRect(left - grow, top - grow, width + 2 * grow, height + 2 * grow)
  }
}

function touching([left, top, width, height], [otherLeft, otherTop, otherWidth, otherHeight]) {
  const apart = (at, size, other, otherSize) => at + size < other || other + otherSize < at
  return !apart(left, width, otherLeft, otherWidth) && !apart(top, height, otherTop, otherHeight)
}
