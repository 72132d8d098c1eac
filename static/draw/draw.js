/**
 * A square to draw a digit on, with mouse, finger, pen or keyboard.
 *
 * What is drawn is kept here as strokes and told to the server while it is drawn: again when the
 * server has answered the last telling, and not more often than PAUSE allows, so that nothing piles
 * up. The server hands the strokes back when the square is put on the page anew.
 *
 * @typedef {Object} Stroke
 * @property {number} width of the pen
 * @property {[number, number][]} points x and y, 0 to SIDE
 */

import { themeOf } from "../stage/colours.js"
import { element } from "../stage/element.js"
import { Keys } from "./keys.js"
import { paint } from "./paint.js"
import { Strokes, THICKEST, THINNEST } from "./strokes.js"

const styles = new CSSStyleSheet()
styles.replaceSync(await (await fetch(new URL("draw.css", import.meta.url))).text())

/** Milliseconds between two tellings. */
const PAUSE = 120

/** Milliseconds after which the server is told again although it has not answered. */
const PATIENCE = 3000

const ABOUT = "Drawing square. Draw with mouse or finger, or with the keyboard: arrow keys move the "
  + "pen, with Shift in small steps; Space or Enter lowers and lifts it; Backspace takes back the "
  + "last stroke."

/** @type {WeakMap<Node, Square>} */
const squares = new WeakMap()

/**
 * @param {{data: {strokes: Stroke[], width: number, heard: number}, parentElement: ShadowRoot,
 *   setTriggerValue: (name: string, value: Object) => void}} component
 * @returns {() => void} what Streamlit calls when the square leaves the page
 */
export default function (component) {
  const { parentElement } = component
  if (!squares.has(parentElement)) squares.set(parentElement, new Square(parentElement, component.data))
  const square = squares.get(parentElement)
  square.receive(component)
  return () => {
    // Streamlit also calls this for data that newer ones have overtaken; then the square stays.
    if (square.root.isConnected) return
    square.leave()
    squares.delete(parentElement)
  }
}

class Square {
  constructor(parent, { strokes, width }) {
    this.strokes = new Strokes(strokes, width)
    this.keys = new Keys(this.strokes, () => this.changed(), (words) => this.say(words))
    this.told = 0
    this.heard = 0
    this.gone = new AbortController()
    this.build()
    parent.adoptedStyleSheets = [styles]
    parent.append(this.root)
    this.listen()
    this.schedule()
  }

  build() {
    this.canvas = element("canvas", { tabIndex: 0, role: "application" })
    this.canvas.setAttribute("aria-label", ABOUT)
    this.canvas.setAttribute("aria-roledescription", "drawing square")
    this.hint = element("p", { className: "hint", textContent: "Draw a digit here" })
    this.hint.ariaHidden = "true"
    this.undo = element("button", { type: "button", textContent: "Undo" })
    this.clear = element("button", { type: "button", textContent: "Clear" })
    this.pen = element("input", { type: "range", min: THINNEST, max: THICKEST, step: 10 })
    this.pen.value = this.strokes.width
    this.live = element("div", { className: "hidden", role: "status" })
    this.root = element("div", { className: "draw" }, [
      element("div", { className: "square" }, [this.canvas, this.hint]),
      element("div", { className: "tools" }, [
        this.undo, this.clear, element("label", {}, ["pen width ", this.pen]),
      ]),
      this.live,
    ])
  }

  listen() {
    const { signal } = this.gone
    const on = (node, name, handle) => node.addEventListener(name, handle, { signal })
    on(this.canvas, "pointerdown", (event) => this.lower(event))
    on(this.canvas, "pointermove", (event) => this.move(event))
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      on(this.canvas, name, (event) => this.lift(event))
    }
    on(this.canvas, "keydown", (event) => this.keys.press(event))
    for (const name of ["focus", "blur"]) on(this.canvas, name, () => this.schedule())
    on(this.canvas, "blur", () => this.keys.lift())
    on(this.undo, "click", () => this.takeBack())
    on(this.clear, "click", () => this.wipe())
    on(this.pen, "input", () => {
      this.strokes.width = Number(this.pen.value)
      this.schedule()
      this.tell()
    })
    // Inside the square keys belong to the square, not to the page's shortcuts.
    on(this.root, "keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey && event.key !== "Tab") event.stopPropagation()
    })
    this.resizes = new ResizeObserver(() => this.schedule())
    this.resizes.observe(this.canvas)
  }

  leave() {
    this.gone.abort()
    this.resizes.disconnect()
    clearTimeout(this.waiting)
    cancelAnimationFrame(this.scheduled)
  }

  receive({ data, setTriggerValue }) {
    this.report = setTriggerValue
    this.heard = Math.max(this.heard, data.heard)
    this.schedule() // the theme may be another one
    if (this.untold) this.tell()
  }

  lower(event) {
    if (event.button !== 0 || this.pointer !== undefined) return
    this.keys.lift()
    this.pointer = event.pointerId
    this.canvas.setPointerCapture(event.pointerId)
    this.strokes.begin(this.at(event))
    this.changed()
  }

  move(event) {
    if (event.pointerId !== this.pointer) return
    const all = event.getCoalescedEvents?.() ?? []
    for (const each of all.length ? all : [event]) this.strokes.extend(this.at(each))
    this.changed()
  }

  lift(event) {
    if (event.pointerId !== this.pointer) return
    this.pointer = undefined
    this.changed()
  }

  takeBack() {
    this.say(this.strokes.undo() ? `Taken back. ${this.count()}` : "Nothing to take back.")
    this.changed()
  }

  wipe() {
    this.keys.lift()
    this.strokes.clear()
    this.say("Cleared. Undo brings it back.")
    this.changed()
  }

  count() {
    const { length } = this.strokes.list
    return length === 1 ? "1 stroke is left." : `${length} strokes are left.`
  }

  /** Where a pointer stands on the square. */
  at(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect()
    return [(event.clientX - left) / width, (event.clientY - top) / height]
  }

  changed() {
    this.schedule()
    this.tell()
  }

  /** Tell the server what is drawn, as soon as it is its turn. */
  tell() {
    this.untold = true
    clearTimeout(this.waiting)
    const now = performance.now()
    const answered = this.heard >= this.told
    const turn = (this.last ?? -PATIENCE) + (answered ? PAUSE : PATIENCE)
    if (now < turn) {
      this.waiting = setTimeout(() => this.tell(), turn - now)
      return
    }
    this.untold = false
    this.last = now
    // Counted in milliseconds, so that a square that is put on the page anew goes on counting.
    this.told = Math.max(this.told + 1, Date.now())
    const { list, width } = this.strokes
    this.report("drawn", { number: this.told, width, strokes: list })
  }

  say(words) {
    this.live.textContent = words
  }

  schedule() {
    this.scheduled ||= requestAnimationFrame(() => {
      this.scheduled = 0
      this.draw()
    })
  }

  draw() {
    const theme = themeOf(this.root, this.theme)
    if (theme !== this.theme) {
      this.theme = theme
      for (const name of ["ink", "muted", "line", "paper", "accent"]) {
        this.root.style.setProperty(`--${name}`, theme[name])
      }
    }
    const { list, past } = this.strokes
    const focused = this.canvas.matches(":focus-visible")
    this.hint.hidden = list.length > 0 || focused
    this.undo.disabled = list.length === 0 && past.length === 0
    this.clear.disabled = list.length === 0
    const cursor = focused && this.pointer === undefined ? this.keys : null
    paint(this.canvas, this.strokes, cursor, this.theme)
    this.root.dataset.strokes = list.length
  }
}
