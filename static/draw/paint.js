/** Draws the square: its strokes, and the pen of the keyboard. */

import { SIDE } from "./strokes.js"

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("./strokes.js").Strokes} strokes
 * @param {import("./keys.js").Keys | null} cursor the keyboard's pen, where it is to be seen
 * @param {import("../stage/colours.js").Theme} theme
 */
export function paint(canvas, strokes, cursor, theme) {
  const pixels = Math.round(canvas.clientWidth * (window.devicePixelRatio || 1))
  if (!pixels) return
  if (canvas.width !== pixels) canvas.width = canvas.height = pixels
  const context = canvas.getContext("2d")
  const scale = pixels / SIDE
  context.setTransform(scale, 0, 0, scale, 0, 0)
  context.clearRect(0, 0, SIDE, SIDE)
  guides(context, theme)
  for (const stroke of strokes.list) line(context, stroke, theme.ink)
  if (cursor) pen(context, cursor, strokes.width, theme)
}

/** A light cross through the middle. */
function guides(context, theme) {
  context.strokeStyle = theme.line
  context.lineWidth = 3
  context.setLineDash([8, 16])
  context.beginPath()
  context.moveTo(SIDE / 2, 0)
  context.lineTo(SIDE / 2, SIDE)
  context.moveTo(0, SIDE / 2)
  context.lineTo(SIDE, SIDE / 2)
  context.stroke()
  context.setLineDash([])
}

function line(context, { width, points }, ink) {
  context.strokeStyle = ink
  context.lineWidth = width
  context.lineCap = context.lineJoin = "round"
  context.beginPath()
  context.moveTo(...points[0])
  // A single point is a line of no length, which round ends make a dot.
  for (const point of points.length > 1 ? points.slice(1) : points) context.lineTo(...point)
  context.stroke()
}

/** A ring as wide as the pen; filled while the pen is down. */
function pen(context, { place, down }, width, theme) {
  const [x, y] = place.map((at) => at * SIDE)
  for (const [colour, lineWidth] of [[theme.halo, 16], [theme.accent, 9]]) {
    context.strokeStyle = colour
    context.lineWidth = lineWidth
    context.beginPath()
    context.arc(x, y, width / 2 + 8, 0, 2 * Math.PI)
    context.moveTo(x - 14, y)
    context.lineTo(x + 14, y)
    context.moveTo(x, y - 14)
    context.lineTo(x, y + 14)
    context.stroke()
  }
  if (!down) return
  context.fillStyle = theme.accent
  context.globalAlpha = 0.6
  context.fill()
  context.globalAlpha = 1
}
