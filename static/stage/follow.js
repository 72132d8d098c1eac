/**
 * Slow motion on a small screen: what is lit comes into view by itself, unless the visitor has just
 * moved the page by hand or wants no motion.
 */

// How long the page is left where the visitor has moved it, in milliseconds.
const HANDS_OFF = 8000
const KEYS = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End", "Tab"])

export class Follower {
  /** @param {AbortSignal} signal ends it */
  constructor(signal) {
    this.moved = -Infinity
    this.shown = null
    this.gliding = false
    this.scroller = null
    const on = (name, hear) => window.addEventListener(name, hear,
      { signal, passive: true, capture: true })
    const leave = ({ timeStamp }) => this.leave(timeStamp)
    on("wheel", leave)
    on("touchmove", leave)
    // A finger at rest holds the page as well; but whoever presses a button wants to see it work.
    for (const name of ["touchstart", "touchend"]) {
      on(name, (event) => { if (!event.target.closest("button")) leave(event) })
    }
    on("keydown", (event) => { if (KEYS.has(event.key)) leave(event) })
    on("pointerdown", (event) => { if (onScrollbar(event)) leave(event) })
    on("scroll", ({ target }) => { this.scroller = target.scrollingElement ?? target })
    on("scrollend", () => { this.gliding = false })
  }

  /** The page is the visitor's: it stops where it is, and nothing but the visitor moves it now. */
  leave(now) {
    this.moved = now
    if (this.gliding) this.scroller?.scrollTo({ top: this.scroller.scrollTop, behavior: "instant" })
    this.gliding = false
  }

  /**
   * @param {HTMLElement | null} section of the lit panel; called again and again while it is lit
   * @param {HTMLElement | null} next the one that lights up after it
   * @param {number} now milliseconds, on the clock of the page's events
   */
  show(section, next, now) {
    if (section === this.shown) return
    this.shown = section
    if (!section || now - this.moved < HANDS_OFF) return
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches
    // The next one already, where there is room for both: a page takes its time to scroll.
    const shown = next && besides(section, next) ? next : section
    shown.scrollIntoView({ block: "nearest", behavior: still ? "instant" : "smooth" })
    this.gliding = !still
  }
}

/** Whether two sections are seen at once between the caption above and the readout below. */
function besides(one, other) {
  const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()]
  return Math.max(a.bottom, b.bottom) - Math.min(a.top, b.top) < 0.7 * innerHeight
}

function onScrollbar({ target, offsetX }) {
  return target.scrollHeight > target.clientHeight && offsetX >= target.clientWidth
}
