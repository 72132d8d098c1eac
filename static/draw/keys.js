/** The pen on the keyboard: arrows move it, Space or Enter lowers and lifts it. */

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

/** Shares of the square that the pen moves by: as far as a pixel of what the network sees. */
const STEP = 1 / 28
const SMALL = STEP / 4

export class Keys {
  /**
   * @param {import("./strokes.js").Strokes} strokes
   * @param {() => void} changed
   * @param {(words: string) => void} say
   */
  constructor(strokes, changed, say) {
    this.strokes = strokes
    this.changed = changed
    this.say = say
    this.place = [0.5, 0.25]
    this.down = false
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const arrow = ARROWS[event.key]
    if (arrow) this.move(arrow, event.shiftKey ? SMALL : STEP)
    else if (event.key === " " || event.key === "Enter") this.toggle(event.repeat)
    else if (event.key === "Escape" && this.down) this.toggle()
    else if (event.key === "Backspace" || event.key === "Delete") this.undo()
    else return
    event.preventDefault()
    this.changed()
  }

  move(arrow, step) {
    this.place = this.place.map((at, axis) => Math.min(1, Math.max(0, at + step * arrow[axis])))
    if (this.down) this.strokes.extend(this.place)
    this.say(`${this.down ? "Drawing" : "Pen up"}, ${this.where()}`)
  }

  toggle(held = false) {
    if (held) return // a key that is held down lowers the pen once
    this.down = !this.down
    if (this.down) this.strokes.begin(this.place)
    this.say(`Pen ${this.down ? "down" : "up"}, ${this.where()}`)
  }

  lift() {
    this.down = false
  }

  undo() {
    this.lift()
    this.say(this.strokes.undo() ? "Taken back." : "Nothing to take back.")
  }

  where() {
    const [x, y] = this.place.map((at) => Math.round(28 * at))
    return `column ${x} of 28, row ${y} of 28`
  }
}
