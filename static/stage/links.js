/**
 * Lines from panel to panel, over everything: a highlighted patch narrows to the one value that is
 * made of it, a highlighted error goes to the cell that it lands in.
 */

// Neighbours on the way of a value and of an error.
const WAYS = [
  ["image", "z"],
  ["z", "feature_map"],
  ["feature_map", "pooled"],
  ["delta0", "backfill"],
  ["backfill", "dz"],
]
// More cells than a patch has are an area, not a place that a line could point at.
const MOST = 9

/**
 * @param {HTMLCanvasElement} canvas lies over the whole stage
 * @param {Map<string, import("./panel.js").PanelView>} views
 * @param {import("./relations.js").Lit} lit
 */
export function paintLinks(canvas, views, lit, theme, ratio) {
  // Out of the page's way while there is nothing to link: it is by far the largest canvas.
  canvas.hidden = !WAYS.some(([from, to]) => lit.has(from) && lit.has(to))
  if (canvas.hidden) return
  const area = canvas.getBoundingClientRect()
  const [width, height] = [Math.round(area.width * ratio), Math.round(area.height * ratio)]
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
  const context = canvas.getContext("2d")
  context.setTransform(1, 0, 0, 1, 0, 0)
  context.clearRect(0, 0, width, height)
  context.setTransform(ratio, 0, 0, ratio, -area.left * ratio, -area.top * ratio)
  for (const [from, to] of WAYS) {
    const [start, end] = [lit.get(from)?.strong, lit.get(to)?.strong]
    if (!start?.size || !end?.size || start.size > MOST || end.size > MOST) continue
    if (!besides(views.get(from).canvas, views.get(to).canvas)) continue
    link(context, views.get(from).boxOf(start), views.get(to).boxOf(end), theme)
  }
}

function link(context, from, to, theme) {
  const sides = facing(from, to)
  if (!sides) return
  const [[a, b], [c, d]] = sides
  context.beginPath()
  context.moveTo(...a)
  context.lineTo(...c)
  context.lineTo(...d)
  context.lineTo(...b)
  context.closePath()
  context.fillStyle = theme.accent
  context.globalAlpha = 0.1
  context.fill()
  context.globalAlpha = 0.75
  context.strokeStyle = theme.accent
  context.lineWidth = 1
  for (const [start, end] of [[a, c], [b, d]]) {
    context.beginPath()
    context.moveTo(...start)
    context.lineTo(...end)
    context.stroke()
  }
  context.globalAlpha = 1
}

/** Whether two panels stand in one row; a line to another row would cross what has no part in it. */
function besides(one, other) {
  const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()]
  return a.top < b.bottom && b.top < a.bottom
}

/** The two sides that face each other, as pairs of points; nothing where the boxes overlap. */
function facing(from, to) {
  const upright = (box, x) => [[x, box.top], [x, box.bottom]]
  if (from.right < to.left) return [upright(from, from.right), upright(to, to.left)]
  if (to.right < from.left) return [upright(from, from.left), upright(to, to.right)]
  return null
}
