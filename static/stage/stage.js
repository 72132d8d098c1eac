/**
 * The stage: one training step, drawn whole.
 *
 * Streamlit calls the default function with every frame. There is one Stage for each mounting; it
 * keeps what the visitor looks at while frames come and go. All panels are drawn within one
 * animation frame, from one frame of data, so no two of them ever show different steps; a frame
 * that arrives before the last one was drawn takes its place.
 */

import { themeOf } from "./colours.js"
import { CurveView } from "./curve.js"
import { paintLoss, paintWeights } from "./curves.js"
import { decode } from "./decode.js"
import { element } from "./element.js"
import { Follower } from "./follow.js"
import { count } from "./format.js"
import { layoutFor } from "./layout.js"
import { Legend } from "./legend.js"
import { paintLinks } from "./links.js"
import { PanelView } from "./panel.js"
import { PANELS } from "./panels.js"
import { Ranges } from "./ranges.js"
import { readout } from "./readout.js"
import { related } from "./relations.js"
import { Selection } from "./selection.js"
import { BIAS, stepOf } from "./step.js"
import { Strip } from "./strip.js"
import { STAGES, counter, reachedAt, stageAt, summary } from "./timeline.js"

const styles = new CSSStyleSheet()
styles.replaceSync(await (await fetch(new URL("stage.css", import.meta.url))).text())

/** @type {WeakMap<Node, Stage>} */
const stages = new WeakMap()

const NOTHING = new Map()
const HINT = "Hover, tap or tab to any cell: its value, where it comes from and where it goes."
const STOPPED = new Set(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", " ", "Enter"])

/**
 * @param {{data: Uint8Array, parentElement: ShadowRoot,
 *   setTriggerValue: (name: string, value: Object) => void}} component
 * @returns {() => void} what Streamlit calls when the stage leaves the page
 */
export default function (component) {
  const { parentElement } = component
  if (!stages.has(parentElement)) stages.set(parentElement, new Stage(parentElement))
  const stage = stages.get(parentElement)
  stage.receive(component)
  return () => {
    // Streamlit also calls this for a frame that the next one has overtaken; then the stage stays.
    if (stage.root.isConnected) return
    stage.leave()
    stages.delete(parentElement)
  }
}

class Stage {
  /** @param {ShadowRoot} parent */
  constructor(parent) {
    this.frame = null
    this.filter = 0
    this.frames = 0
    this.layout = null
    this.scheduled = 0
    this.ranges = new Ranges()
    this.gone = new AbortController()
    this.selection = new Selection(
      () => this.schedule("said"),
      (place) => this.tellPinned(place),
    )
    this.follower = new Follower(this.gone.signal)
    this.known = "null"
    this.build()
    parent.adoptedStyleSheets = [styles]
    parent.append(this.root)
    this.listen()
  }

  build() {
    this.banner = element("p", { className: "banner", hidden: true })
    this.counter = element("p", { className: "counter" })
    this.story = element("p", { className: "story" })
    this.strip = new Strip((filter) => {
      this.filter = filter
      if (this.selection.pinned) this.tellPinned(this.selection.pinned)
      this.schedule()
    })
    this.legend = new Legend((following) => {
      this.ranges.following = following
      this.schedule()
    })
    const ask = (panel) => this.report("asked", panel)
    this.views = new Map(PANELS.map((panel) => [panel.name, new PanelView(panel, ask)]))
    const seek = (step) => this.report("sought", step)
    this.loss = new CurveView("loss", "loss", "over the steps", seek)
    this.weights = new CurveView("weights", "the nine weights", "over the steps", seek)
    this.legend.section.style.gridArea = "legend"
    this.grid = element("div", { className: "grid" }, [
      ...[...this.views.values()].map(({ section }) => section),
      this.loss.section, this.weights.section, this.legend.section,
    ])
    this.links = element("canvas", { className: "links", ariaHidden: "true" })
    this.head = element("strong")
    this.place = element("span", { className: "place" })
    this.detail = element("span", { className: "detail" })
    this.line = element("div", { className: "readout" }, [this.head, this.place, this.detail])
    this.live = element("div", { className: "hidden", role: "status" })
    this.root = element("div", { className: "stage" }, [
      this.banner, element("div", { className: "heading" }, [this.counter, this.story]), this.strip.section, this.grid, this.links, this.line, this.live,
    ])
    this.root.setAttribute("role", "group")
    this.root.setAttribute("aria-label", "one training step")
  }

  listen() {
    const { signal } = this.gone
    for (const view of this.views.values()) this.selection.follow(view, signal)
    this.selection.followPage(this.root, signal)
    // Inside the stage arrows and space belong to the stage, not to the page's shortcuts.
    this.root.addEventListener("keydown", (event) => {
      if (STOPPED.has(event.key)) event.stopPropagation()
    }, { signal })
    this.resizes = new ResizeObserver(() => this.measure())
    this.resizes.observe(this.root)
    window.addEventListener("resize", () => this.measure(), { signal })
  }

  leave() {
    this.gone.abort()
    this.resizes.disconnect()
    cancelAnimationFrame(this.scheduled)
  }

  /** Take a frame; it is drawn with the next animation frame. */
  receive({ data, setTriggerValue }) {
    this.report = setTriggerValue
    if (data !== this.data) {
      this.data = data
      this.fresh = true
    }
    this.schedule()
  }

  /** Tell the server which cell is pinned, or that none is any more. */
  tellPinned(place) {
    if (place) this.report("pinned", { panel: place.panel, filter: this.filter, index: place.index })
    else this.report("released", true)
  }

  /** Take over what the server has pinned, when that is something new. */
  adopt(pinned) {
    const now = JSON.stringify(pinned ?? null)
    if (now === this.known) return
    this.known = now
    this.selection.adopt(pinned ? { panel: pinned.panel, index: pinned.index } : null)
    if (pinned) this.filter = pinned.filter
  }

  measure() {
    const width = this.grid.clientWidth
    const layout = width && layoutFor(width, window.innerHeight, window.devicePixelRatio || 1)
    if (!layout || JSON.stringify(layout) === JSON.stringify(this.layout)) return
    this.layout = layout
    this.sized = null
    this.schedule()
  }

  schedule(cause) {
    if (cause === "said") this.speak = true
    this.scheduled ||= requestAnimationFrame((now) => {
      this.scheduled = 0
      this.draw(now)
    })
  }

  draw(now) {
    if (!this.layout) this.measure()
    if (!this.layout || !this.data) return
    if (this.fresh) this.unpack(now)
    if (!this.frame) return
    this.prepare()
    const step = stepOf(this.frame, this.filter)
    const stage = this.light(step, now)
    const example = stage?.example(step)
    const active = this.selection.active ?? example ?? null
    const lit = active ? related(active.panel, active.index, step) : NOTHING
    if (stage) for (const name of lit.keys()) if (!this.reached.has(name)) lit.delete(name)
    this.drawPanels(step, active, lit)
    this.drawCurves(step, lit)
    this.strip.draw(this.frame, this.filter, this.ranges, this.theme, this.layout.ratio)
    paintLinks(this.links, this.views, lit, this.theme, this.layout.ratio)
    this.tell(step, active, stage && `${stage.caption(step)} ${active === example ? example.words : ""}`)
    this.mark()
  }

  /** Decode a new frame; one that cannot be read leaves a sentence in its place. */
  unpack(now) {
    this.fresh = false
    this.frame = null
    try {
      this.frame = decode(this.data)
    } catch (error) {
      this.banner.hidden = false
      this.banner.textContent = error.message
    }
    this.root.classList.toggle("failed", !this.frame)
    if (!this.frame) return
    const { meta } = this.frame
    this.adopt(meta.pinned)
    this.filter = Math.min(this.filter, meta.filters - 1)
    this.ranges.update(this.frame)
    this.frames += 1
    const shown = `${meta.run} ${meta.step} ${meta.watching}`
    if (shown !== this.shown && meta.slow) this.started = now
    this.shown = shown
  }

  /** Bring colours and sizes up to date, where theme, width or network have changed. */
  prepare() {
    const { ratio, mode, cell, gap } = this.layout
    const theme = themeOf(this.root, this.theme)
    if (theme !== this.theme) {
      this.theme = theme
      this.root.classList.toggle("dark", theme.dark)
      for (const name of ["ink", "muted", "line", "paper", "accent"]) {
        this.root.style.setProperty(`--${name}`, theme[name])
      }
      for (const view of this.views.values()) view.colour(theme)
      this.legend.draw(theme, ratio)
    }
    const { hidden } = this.frame.meta
    if (this.sized === hidden) return
    this.sized = hidden
    this.root.dataset.mode = mode
    const lengths = { u: cell / ratio, gap, bars: this.layout.bars, units: this.layout.units }
    for (const [name, length] of Object.entries(lengths)) {
      this.root.style.setProperty(`--${name}`, `${length}px`)
    }
    for (const view of this.views.values()) view.resize(this.layout, this.frame.meta)
    this.legend.draw(this.theme, ratio)
  }

  drawPanels(step, active, lit) {
    const { focused } = this.selection
    for (const [name, view] of this.views) {
      view.draw(step, this.ranges, this.theme, lit.get(name), {
        anything: active !== null,
        active: active?.panel === name ? active.index : -1,
        focused: focused?.panel === name ? focused.index : -1,
      })
      // The text alternative: at rest always, while playing only where somebody stands.
      if (!step.meta.playing || view.canvas.matches(":focus")) view.describe(step)
      else if (!view.canvas.ariaLabel) view.describe(step)
    }
  }

  drawCurves(step, lit) {
    const { arrays, meta } = this.frame
    const steps = [...arrays.curve_steps]
    const changes = meta.rate_changes.slice(1)
    const cells = 9 * meta.filters
    const own = steps.flatMap((_, at) => [
      ...arrays.curve_filters.subarray(at * cells + 9 * this.filter, at * cells + 9 * this.filter + 9),
    ])
    const { ratio } = this.layout
    const shown = meta.step
    this.loss.draw(ratio, (context, size) => {
      const values = [...arrays.curve_loss]
      return paintLoss(context, size, { steps, values, changes, shown }, this.theme)
    })
    this.weights.draw(ratio, (context, size) => {
      const lights = lit.get("weights")?.strong
      const current = [...step.filter_after].slice(0, BIAS)
      const curve = { steps, values: own, changes, shown, current, lit: lights }
      return paintWeights(context, size, curve, this.theme)
    })
  }

  /** Slow motion: dim what the step has not reached yet. Returns the lit stage, or none. */
  light(step, now) {
    const { slow, watching } = step.meta
    const at = slow && this.started !== undefined
      ? stageAt((now - this.started) / 1000, slow) : STAGES.length
    const moving = at < STAGES.length
    this.reached = moving ? reachedAt(at) : null
    this.root.classList.toggle("slow", moving)
    this.root.classList.toggle("paced", Boolean(slow))
    for (const [name, { section }] of this.views) {
      section.classList.toggle("unreached", moving && !this.reached.has(name))
      section.classList.toggle("lit", moving && STAGES[at].panels.includes(name))
      section.classList.toggle("idle", watching !== null && section.classList.contains("update"))
    }
    // Whoever looks at a cell of their own stays there.
    const follows = moving && !this.selection.active
    const sectionOf = (stage) => this.views.get(STAGES[stage]?.panels.at(-1))?.section ?? null
    this.follower.show(follows ? sectionOf(at) : null, sectionOf(at + 1), now)
    if (moving) this.schedule()
    return moving ? STAGES[at] : null
  }

  /** The lines of text: the watched digit, the counter, what happens, what is looked at. */
  tell(step, active, story) {
    const { meta } = step
    this.banner.hidden = meta.watching === null && !meta.note
    if (meta.note) write(this.banner, meta.note)
    else if (!this.banner.hidden) {
      write(this.banner, `Watching digit #${count(meta.watching)} with the parameters after this step — `
        + "it is not trained on.")
    }
    writeParts(this.counter, counter(step))
    this.counter.classList.toggle("range", meta.batch > 1)
    write(this.story, story ?? summary(step))
    const said = active && readout(active.panel, active.index, step, this.reached)
    this.line.classList.toggle("pinned", this.selection.pinned !== null)
    write(this.head, said?.head ?? "")
    write(this.place, said?.place ?? "")
    write(this.detail, said?.detail ?? HINT)
    // Read aloud what the visitor has moved to, not every step that passes under it.
    if (this.speak) write(this.live, said ? `${said.head}. ${said.place}. ${said.detail}` : "")
    this.speak = false
  }

  mark() {
    const { dataset } = this.root
    dataset.step = this.frame.meta.step
    dataset.run = this.frame.meta.run
    dataset.frames = this.frames
  }
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text
}

/** Text that may be broken into lines between its parts alone. */
function writeParts(node, text) {
  if (node.textContent === text) return
  node.replaceChildren(...text.split(" · ").flatMap((part, at) => [
    at ? " · " : "", element("span", { textContent: part }),
  ]))
}
