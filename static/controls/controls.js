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
 */

const HELD = "button, summary, input[type=radio], input[type=checkbox], input[type=range]"
const OVER = '[role="dialog"], [aria-haspopup]' // these look after the focus themselves
const TAKES_SPACE = 'button, summary, [role="button"]'
const NARROW = 768 // pixels: up to here Streamlit lays the sidebar over the page
const GIVEN_UP = 10_000 // milliseconds: should the other page not come, this one is used again

let shown // the title of the page,
let path // and where it is
let leaving = 0 // the timer that runs while another page is asked for

document.addEventListener("pointerup", () => setTimeout(letGo))
document.body.addEventListener("keydown", keepSpace)
window.addEventListener("keydown", handOver, { capture: true })
document.addEventListener("click", closeSidebar)
document.addEventListener("click", follow)
window.addEventListener("popstate", () => (location.pathname === path ? arrived() : leave()))

/**
 * Called for every drawing; what it is about is the whole document.
 *
 * @param {{data: {page: string}}} component page: its title
 */
export default function ({ data }) {
  if (shown !== data.page) arrived()
  shown = data.page
  path = location.pathname
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
  const link = event.target.closest?.('[data-testid="stSidebar"] [data-testid="stPageLink-NavLink"]')
  if (!link || window.innerWidth > NARROW) return
  document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click()
}

function follow(event) {
  const link = event.target.closest?.('[data-testid="stPageLink-NavLink"]')
  if (!link || !event.defaultPrevented) return // the browser opens it by itself, in a new tab say
  if (link.innerText.trim() === shown) arrived() // on second thoughts
  else leave()
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
