/**
 * What people expect of keys and fingers, where Streamlit's controls do otherwise.
 *
 * - The page's keys (Space plays, → steps, …) are Streamlit's, which are silent while a radio or a
 *   slider has the focus. A press with mouse or finger therefore leaves no focus behind, except in
 *   a field to type in. Whoever goes from control to control by keyboard keeps it.
 * - Space on a control that has the focus is that control's, not the page's.
 * - On a slider that has the focus, a key that a button of the page promises is that button's,
 *   unless the slider would do the same or cannot be used without it, as the arrow keys.
 * - On a narrow screen the sidebar lies over the page that was chosen in it, and closes.
 * - The page that a link, or "Back", leads away from hears nothing more. What is pressed there
 *   would be asked for in place of the other page, and the click on the link would be lost.
 * - A click on a link waits for the answer to what was pressed just before. A busy browser hears of
 *   both in one go; Streamlit would ask for the page first and for the other in its place, or might
 *   be asked for the page before it has begun with the other, and leave that out.
 */

const LINK = '[data-testid="stPageLink-NavLink"]' // to a page
const BUTTON = '[data-testid="stButton"]' // of which the server always hears
const HELD = "button, summary, input[type=radio], input[type=checkbox], input[type=range]"
const OVER = '[role="dialog"], [aria-haspopup]' // these look after the focus themselves
const TAKES_SPACE = 'button, summary, [role="button"]'
const NARROW = 768 // pixels: up to here Streamlit lays the sidebar over the page
const GIVEN_UP = 10_000 // milliseconds: should the other page not come, this one is used again
const SOON = 300 // milliseconds in which the server begins to answer, if it hears of a press at all
const LATE = 2_000 // and after which nobody waits for its answer any more

let shown // the title of the page,
let path // and where it is
let leaving = 0 // the timer that runs while another page is asked for
let clicked // the link that was clicked last
let answer = null // the promise of an answer to what was pressed last, while it is awaited

document.addEventListener("pointerup", () => setTimeout(letGo))
document.body.addEventListener("keydown", keepSpace)
window.addEventListener("keydown", handOver, true)
document.addEventListener("click", closeSidebar)
for (const type of ["click", "change", "keydown"]) document.addEventListener(type, pressed, true)
document.addEventListener("click", follow, true)
window.addEventListener("popstate", () => (location.pathname === path ? arrived() : leave()))

/**
 * Called for every drawing; what it is about is the whole document.
 *
 * @param {{data: {page: string}}} component page: its title
 */
export default function ({ data }) {
  if (shown === data.page) return
  shown = data.page
  path = location.pathname
  arrived()
}

function letGo() {
  let held = document.activeElement
  while (held?.shadowRoot?.activeElement) held = held.shadowRoot.activeElement
  if (held?.matches(HELD) && !held.closest(OVER)) held.blur()
}

// In the body: after the control itself has heard it, before Streamlit's keys do, on the document.
function keepSpace(event) {
  if (event.key === " " && event.composedPath()[0].closest(TAKES_SPACE)) event.stopPropagation()
}

function handOver(event) {
  if (leaving) return event.stopPropagation() // Streamlit's keys do not ask what is inert
  const key = { " ": "Space", PageUp: "PageUp", PageDown: "PageDown" }[event.key]
  if (!key || !event.target.matches?.("input[type=range]")) return
  const owner = document.querySelector(`[aria-label="Shortcut ${key}"]`)?.closest("button")
  if (!owner) return
  event.preventDefault()
  event.stopPropagation()
  if (!owner.disabled) owner.click()
}

function closeSidebar(event) {
  const link = event.target.closest?.(`[data-testid="stSidebar"] ${LINK}`)
  if (!link || window.innerWidth > NARROW) return
  document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click()
}

function pressed(event) {
  if (event.target.closest?.(LINK)) return
  const mine = answered(event.target.closest?.(BUTTON) ? LATE : SOON).then(() => {
    if (answer === mine) answer = null
  })
  answer = mine
}

async function answered(begins) {
  const app = document.querySelector('[data-testid="stApp"]')
  const runs = () => app.dataset.testScriptState !== "notRunning"
  const until = async (condition, end) => {
    while (!condition() && performance.now() < end) await later(10)
  }
  await later(0) // it is asked for by now
  const end = performance.now() + LATE
  await until(() => !runs(), end) // what ran already
  await until(runs, Math.min(end, performance.now() + begins))
  await until(() => !runs(), end)
}

function later(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

function follow(event) {
  const link = event.target.closest?.(LINK)
  if (!link) return
  if (link.innerText.trim() === shown) arrived() // on second thoughts
  else leave()
  clicked = link
  if (!answer) return
  event.preventDefault()
  event.stopImmediatePropagation()
  answer.then(() => clicked === link && link.click())
}

function leave() {
  clearTimeout(leaving)
  leaving = setTimeout(arrived, GIVEN_UP)
  main().inert = true
}

function arrived() {
  clearTimeout(leaving)
  leaving = 0
  main().inert = false
}

function main() {
  return document.querySelector('[data-testid="stMain"]')
}
