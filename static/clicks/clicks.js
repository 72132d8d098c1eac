/**
 * Clicks on figures of Plotly, told to the server (pages/parts/clicks.py).
 *
 * Plotly's own events will not do: while a run plays, Streamlit puts a new figure in the place of
 * the old, often between the two halves of a click, and by a finger's tap Plotly answers for the
 * place of the tap before.
 */

const STEADY = 5 // CSS pixels that a pointer may move within a click

/** @type {Map<string, {reach: number | null, tell: (point: object) => void}>} by the figure's key */
const figures = new Map()

let pressed = null // where a click has begun: key, x and y on the screen, and the point there

window.addEventListener("pointerdown", (event) => {
  pressed = null
  const path = event.composedPath().filter((node) => node.classList)
  if (!event.isPrimary || event.button || path.some(isAControl)) return
  const key = path.flatMap((node) => [...node.classList])
    .map((name) => name.replace("st-key-", "")).find((name) => figures.has(name))
  if (key === undefined) return
  const { clientX: x, clientY: y } = event
  pressed = { key, x, y, point: pointedAt(key, event) ?? pointAt(key, x, y) }
}, { capture: true })

window.addEventListener("pointerup", ({ clientX, clientY }) => {
  if (!pressed || Math.hypot(clientX - pressed.x, clientY - pressed.y) > STEADY) return
  const { key, x, y } = pressed
  const point = pressed.point ?? pointAt(key, x, y) // the figure may only just have been drawn
  pressed = null
  if (point) figures.get(key).tell(point)
}, { capture: true })

/**
 * @param {{data: {figure: string, reach: number | null},
 *   setTriggerValue: (name: string, value: object) => void}} component
 *   figure: its key; reach: how near a point has to be, in CSS pixels, or null: the nearest counts
 */
export default function ({ data, setTriggerValue }) {
  const tell = (point) => setTriggerValue("clicked", point)
  figures.set(data.figure, { reach: data.reach, tell })
}

function isAControl({ classList }) {
  return classList.contains("modebar") || classList.contains("legend")
}

function chartOf(key) {
  return document.querySelector(`.st-key-${CSS.escape(key)} .js-plotly-plot`)
}

/** The point whose words stand beside a mouse's pointer, or null: it is meant, however near others
 * are. */
function pointedAt(key, { pointerType }) {
  const chart = chartOf(key)
  if (pointerType !== "mouse" || chart?._fullLayout?.hovermode !== "closest") return null
  const point = chart._hoverdata?.at(-1)
  return point ? { x: point.x, y: point.y, of: point.customdata ?? null } : null
}

/** The point of a figure that is meant by a place on the screen, or null. */
function pointAt(key, x, y) {
  const chart = chartOf(key)
  const area = chart?.querySelector(".nsewdrag")?.getBoundingClientRect()
  if (!area?.width || x < area.left || x > area.right || y < area.top || y > area.bottom) return null
  const { xaxis, yaxis, hovermode } = chart._fullLayout
  let [nearest, least] = [null, figures.get(key).reach ?? Infinity]
  for (const trace of chart._fullData) {
    if (trace.visible !== true || trace.hoverinfo === "skip") continue
    for (let i = 0; i < trace.x.length; i += 1) {
      const across = area.left + xaxis.d2p(trace.x[i]) - x
      const down = area.top + yaxis.d2p(trace.y[i]) - y
      // What is written beside the pointer belongs to a step, or to a point.
      const distance = hovermode.startsWith("x") ? Math.abs(across) : Math.hypot(across, down)
      if (distance < least) {
        least = distance
        nearest = { x: trace.x[i], y: trace.y[i], of: trace.customdata?.[i] ?? null }
      }
    }
  }
  return nearest
}
