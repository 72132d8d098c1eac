/**
 * What is looked at: by the pointer, by the keyboard, or pinned.
 *
 * A click or Enter pins a cell until Escape or a click beside the cells; a pinned cell keeps the light
 * while the pointer wanders. Positions are kept, not values: with the next step the same cell stays lit.
 *
 * @typedef {{panel: string, index: number}} Place
 */

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
const CONTROLS = "button, a, input, label, [role=radio]"

export class Selection {
  /**
   * @param {() => void} changed
   * @param {(place: Place | null) => void} pinned somebody has pinned a cell, or let go of it
   */
  constructor(changed, pinned) {
    this.changed = changed
    this.announcePinned = pinned
    /** @type {Place | null} */
    this.hovered = null
    this.focused = null
    this.pinned = null
    this.cursors = new Map()
  }

  /** @returns {Place | null} */
  get active() {
    return this.pinned ?? this.hovered ?? this.focused
  }

  /** Follow pointer and keys on a panel's canvas. */
  follow(view, signal) {
    const { canvas, panel } = view
    const place = (index) => (index < 0 ? null : { panel: panel.name, index })
    const on = (name, handle) => canvas.addEventListener(name, handle, { signal })
    on("pointermove", (event) => this.set("hovered", place(view.cellAt(event))))
    on("pointerleave", () => this.set("hovered", null))
    on("pointercancel", () => this.set("hovered", null))
    // A click pins and leaves the arrow keys to the page, where they move in time.
    on("mousedown", (event) => {
      event.preventDefault()
      document.activeElement?.blur()
    })
    on("click", (event) => {
      const index = view.cellAt(event)
      if (index < 0) this.release()
      else this.pin(place(index))
    })
    on("focus", () => {
      if (canvas.matches(":focus-visible")) this.set("focused", place(this.cursor(view)))
    })
    on("blur", () => this.set("focused", null))
    on("keydown", (event) => this.key(event, view, place))
  }

  /** Let go on Escape, wherever it is pressed, and on a click between the stage's cells. */
  followPage(root, signal) {
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.release()
    }, { signal })
    root.addEventListener("click", (event) => {
      if (!event.target.closest(`canvas, ${CONTROLS}`)) this.release()
    }, { signal })
  }

  key(event, view, place) {
    const arrow = ARROWS[event.key]
    if (arrow) {
      const start = this.cursor(view)
      const next = this.focused ? view.geometry.step(start, ...arrow) : start
      this.cursors.set(view.panel.name, next)
      this.letGo()
      this.hovered = null
      this.set("focused", place(next))
    } else if (event.key === "Enter" || event.key === " ") {
      this.pin(place(this.cursor(view)))
    } else {
      return
    }
    event.preventDefault()
  }

  /** Where the keyboard stands in a panel: where it was, or in the middle. */
  cursor(view) {
    const known = this.cursors.get(view.panel.name)
    if (known !== undefined && known < view.geometry.count) return known
    const { width, height } = view.geometry
    return Math.max(0, view.geometry.at(width / 2, height / 2))
  }

  /** Pin a cell; the pinned one again: let go. */
  pin(place) {
    this.cursors.set(place.panel, place.index)
    if (same(this.pinned, place)) {
      this.release()
      return
    }
    this.pinned = place
    this.changed()
    this.announcePinned(place)
  }

  /** Pin what the server says is pinned; it need not be told. */
  adopt(place) {
    if (place) this.cursors.set(place.panel, place.index)
    this.set("pinned", place)
  }

  release() {
    if (!this.active) return
    this.letGo()
    this.focused = null
    this.changed()
  }

  letGo() {
    if (!this.pinned) return
    this.pinned = null
    this.announcePinned(null)
  }

  set(kind, place) {
    if (same(this[kind], place)) return
    this[kind] = place
    this.changed()
  }
}

function same(one, other) {
  return one?.panel === other?.panel && one?.index === other?.index
}
