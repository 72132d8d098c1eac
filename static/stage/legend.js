/** What the marks and the colours mean, and how far the colours reach. */

import { css } from "./colours.js"
import { element } from "./element.js"
import { paintDead, paintTie, paintUnique } from "./paint.js"

const SIDE = 14

const WHY = "Fixed: a range only widens while a run lasts, so what grows looks stronger and what "
  + "fades looks paler. Follows the step: every step is stretched to its own largest value, which "
  + "shows faint patterns but hides whether they grow."

const MARKS = [
  ["winner of its 2×2 window", (context, theme, ratio) =>
    paintUnique(context, [2 * ratio, 2 * ratio, (SIDE - 4) * ratio], theme, ratio)],
  ["a tie: the first of equal values counts", (context, theme, ratio) =>
    paintTie(context, [2 * ratio, 2 * ratio, (SIDE - 4) * ratio], theme, ratio)],
  ["dead: all four are 0, no gradient passes", (context, theme, ratio) =>
    paintDead(context, (SIDE / 2) * ratio, (SIDE / 2) * ratio, 4 * ratio, theme, ratio)],
]

export class Legend {
  /** @param {(following: boolean) => void} chosen */
  constructor(chosen) {
    this.colours = element("i")
    this.samples = MARKS.map(([words, paint]) => {
      const canvas = element("canvas", { ariaHidden: "true" })
      return { canvas, paint, item: element("li", {}, [canvas, words]) }
    })
    const options = [["fixed", false], ["follows the step", true]].map(([words, following]) => {
      const button = element("input", { type: "radio", name: "range", checked: !following })
      button.addEventListener("change", () => chosen(following))
      return element("label", { title: WHY }, [button, element("span", { textContent: words })])
    })
    const reason = element("p", { className: "hidden", id: "range-why", textContent: WHY })
    this.section = element("section", { className: "legend" }, [
      element("div", { className: "colours" }, ["negative", this.colours, "positive"]),
      element("ul", {}, this.samples.map(({ item }) => item)),
      element("fieldset", { title: WHY }, [
        element("legend", { textContent: "colour range" }),
        element("div", { className: "choice" }, options),
        reason,
      ]),
    ])
    this.section.querySelector("fieldset").setAttribute("aria-describedby", "range-why")
  }

  /** @param {import("./colours.js").Theme} theme */
  draw(theme, ratio) {
    const stops = Array.from({ length: 17 }, (_, index) => css(theme.signed(index / 8 - 1, 1)))
    this.colours.style.background = `linear-gradient(to right, ${stops.join(", ")})`
    for (const { canvas, paint } of this.samples) {
      canvas.width = canvas.height = Math.round(SIDE * ratio)
      canvas.style.width = canvas.style.height = `${SIDE}px`
      paint(canvas.getContext("2d"), theme, ratio)
    }
  }
}
