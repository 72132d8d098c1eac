/**
 * The tour: six short stops on the real page, for a first visit or when it is asked for.
 *
 * It lies over the page and holds nothing up: what it points at can be used meanwhile.
 */

import { element } from "../stage/element.js"
import { STOPS } from "./stops.js"

const SEEN = "watch-it-learn.tour"
const GAP = 12 // pixels between what is shown and what is said of it

const styles = new CSSStyleSheet()
styles.replaceSync(await (await fetch(new URL("tour.css", import.meta.url))).text())

/** @type {WeakMap<Node, Tour>} */
const tours = new WeakMap()

/**
 * @param {{data: {asked: number}, parentElement: ShadowRoot}} component
 * @returns {() => void} what Streamlit calls when the tour leaves the page
 */
export default function ({ data, parentElement }) {
  if (!tours.has(parentElement)) tours.set(parentElement, new Tour(parentElement, data.asked))
  const tour = tours.get(parentElement)
  tour.update(data.asked)
  return () => {
    if (tour.box.isConnected) return
    tour.end()
    tours.delete(parentElement)
  }
}

class Tour {
  /**
   * @param {ShadowRoot} parent
   * @param {number} asked how often somebody had asked for the tour before this page
   */
  constructor(parent, asked) {
    parent.adoptedStyleSheets = [...parent.adoptedStyleSheets, styles]
    this.ring = element("div", { className: "ring", popover: "manual" })
    this.count = element("span", { className: "count" })
    this.title = element("h2")
    this.text = element("p")
    this.text.setAttribute("aria-live", "polite")
    this.back = button("Back", () => this.go(this.at - 1))
    this.next = button("Next", () => this.go(this.at + 1))
    this.next.className = "next"
    this.box = element("div", { className: "box", role: "dialog", popover: "manual" }, [
      element("header", {}, [this.title, this.count]),
      this.text,
      element("footer", {}, [button("Skip", () => this.end()), this.back, this.next]),
    ])
    this.box.setAttribute("aria-label", "A tour of this page")
    this.box.addEventListener("keydown", (event) => this.pressed(event))
    parent.replaceChildren(this.ring, this.box)
    this.asked = asked
    this.at = -1
  }

  /** @param {number} asked how often somebody has asked for the tour */
  update(asked) {
    if (!seen() || asked > this.asked) this.begin()
    this.asked = asked
  }

  begin() {
    remember()
    if (this.at < 0) {
      this.ring.showPopover()
      this.box.showPopover()
    }
    this.go(0)
    this.follow()
  }

  go(at) {
    if (at < 0) return
    if (at >= STOPS.length) {
      this.end()
      return
    }
    this.at = at
    const { title, text } = STOPS[at]
    this.title.textContent = title
    this.text.textContent = text
    this.count.textContent = `${at + 1} of ${STOPS.length}`
    this.back.disabled = at === 0
    this.next.textContent = at === STOPS.length - 1 ? "Done" : "Next"
    this.reveal()
    this.next.focus({ preventScroll: true })
  }

  /** Bring into view what is spoken of. */
  reveal() {
    const target = STOPS[this.at].at()
    if (!target) return
    const scroller = document.querySelector('[data-testid="stMain"]') ?? document.scrollingElement
    const room = window.innerHeight - this.box.offsetHeight - 2 * GAP
    const off = target.top < 60 || Math.min(target.bottom, target.top + room) > room
    if (off) scroller.scrollBy({ top: target.top - 70, behavior: "instant" })
  }

  pressed(event) {
    const moves = { ArrowRight: 1, ArrowLeft: -1 }
    if (event.key === "Escape") this.end()
    else if (event.key in moves) this.go(this.at + moves[event.key])
    else if (event.key !== " ") return
    event.stopPropagation() // the page's own keys are not meant
    if (event.key !== " ") event.preventDefault()
  }

  /** Stay beside what is spoken of while the page scrolls, plays or is resized. */
  follow() {
    if (this.at < 0) return
    this.place(STOPS[this.at].at())
    requestAnimationFrame(() => this.follow())
  }

  place(target) {
    this.ring.hidden = !target
    if (target) {
      set(this.ring, target.left - 5, target.top - 5)
      this.ring.style.width = `${target.right - target.left + 10}px`
      this.ring.style.height = `${target.bottom - target.top + 10}px`
    }
    const { offsetWidth: width, offsetHeight: height } = this.box
    const [most, lowest] = [window.innerWidth - width - GAP, window.innerHeight - height - GAP]
    const { left, top, bottom } = target ?? { left: most, top: lowest, bottom: lowest }
    const beside = [bottom + GAP, top - height - GAP].find((y) => y >= GAP && y <= lowest)
    set(this.box, Math.max(GAP, Math.min(left, most)), beside ?? lowest)
  }

  end() {
    if (this.at < 0) return
    this.at = -1
    this.ring.hidePopover()
    this.box.hidePopover()
  }
}

function button(text, pressed) {
  const made = element("button", { type: "button", textContent: text })
  made.addEventListener("click", pressed)
  return made
}

function set(node, left, top) {
  node.style.left = `${Math.round(left)}px`
  node.style.top = `${Math.round(top)}px`
}

// A browser may forbid to keep anything: then the tour is shown once a page load.
let seenHere = false

function seen() {
  try {
    return seenHere || localStorage.getItem(SEEN) !== null
  } catch {
    return seenHere
  }
}

function remember() {
  seenHere = true
  try {
    localStorage.setItem(SEEN, "seen")
  } catch {
    // forgotten with the page
  }
}
