/**
 * Slow motion: which stage of a step is lit when, what happens in it, in plain words, and one cell
 * in which it can be watched. The cells of the way there are those of one value: the largest pooled
 * one, from its pixels on. Those of the way back are those of one error: the largest that passes.
 * So a dead window is marked only where no other is left, and then the words say what is so.
 *
 * @typedef {Object} Stage
 * @property {string[]} panels what is lit
 * @property {(step: import("./step.js").Step) => string} caption
 * @property {(step: import("./step.js").Step) => Example} example
 *
 * @typedef {Object} Example
 * @property {string} panel
 * @property {number} index
 * @property {string} words what to see in that cell
 */

import { beforeLog, count, fixed, rate } from "./format.js"
import { patchOf } from "./relations.js"
import { BIAS, DEAD, isTrained } from "./step.js"

/** @type {Stage[]} */
export const STAGES = [
  { panels: ["image"],
    caption: ({ meta }) => `A picture comes in: 28×28 grey values. It is ${named(meta)}.`,
    example: (step) => example("image", patchOf(strongest(step))[4],
      "0 is empty paper, 1 is full ink. Follow the marked pixel.") },
  { panels: ["filter_before", "z"],
    caption: () => "The filter slides over it: at each place nine products are added up, plus the bias.",
    example: (step) => example("z", strongest(step),
      "The marked patch, pixel times weight, gives the marked cell.") },
  { panels: ["feature_map"],
    caption: () => "What came out negative becomes 0; what matched the filter stays.",
    example: (step) => example("feature_map", strongest(step),
      step.z[strongest(step)] > 0 ? "The marked cell is above 0: it stays as it is."
        : "The marked cell is not above 0: it becomes 0.") },
  { panels: ["pooled"],
    caption: () => "Of every 2×2 window only the largest value is kept, and where it stood.",
    example: (step) => example("pooled", strongestWindow(step),
      step.windows[strongestWindow(step)] === DEAD
        ? "Here no window has anything to keep: in the marked one all four are 0, and a 0 goes on."
        : "The marked cell won its window and goes on alone; the other three are dropped.") },
  { panels: ["hidden"],
    caption: ({ meta }) => `${meta.hidden} hidden units each weigh all the kept values; negative sums become 0.`,
    example: (step) => example("hidden", largest(step.hidden),
      step.hidden[largest(step.hidden)] === 0 ? "Here no sum is above 0: all units give 0."
        : "The marked unit found most of what it looks for.") },
  { panels: ["probabilities"],
    caption: ({ meta }) => `Ten sums, shared out to 1. The network says ${meta.classes[meta.predicted]}.`,
    example: (step) => example("probabilities", step.meta.predicted,
      "The marked one has the largest share.") },
  { panels: ["probabilities"],
    caption: (step) => `${lossInWords(step)}. The smaller, the better.`,
    example: (step) => example("probabilities", step.meta.label,
      "Only the share of the true digit counts.") },
  { panels: ["delta2"],
    caption: () => "Now back. Each output's error: what it said minus what it should have said.",
    example: (step) => example("delta2", step.meta.label,
      "The true digit should have had 1: what it lacks is its error.") },
  { panels: ["delta1"],
    caption: () => "Each hidden unit gets its share of the blame, by the weights it sent its value through.",
    example: (step) => example("delta1", largest(step.delta1),
      step.delta1[largest(step.delta1)] === 0 ? "Here all shares are 0: no error comes through."
        : "The marked unit bears the largest share.") },
  { panels: ["delta0"],
    caption: () => "The same again: every pooled value gets its share of the blame.",
    example: (step) => example("delta0", errorWindow(step),
      step.delta0[errorWindow(step)] === 0 ? "Here all shares are 0: no error comes through."
        : "Watch where the marked error goes.") },
  { panels: ["backfill"],
    caption: () => "Only the winners made it through the pooling, so each takes its window's whole error.",
    example: (step) => example("backfill", step.winner[errorWindow(step)], landing(step)) },
  { panels: ["dz"],
    caption: (step) => {
      const dead = step.windows.filter((window) => window === DEAD).length
      return `A winner that was 0 passes nothing back (×): ${dead} of ${step.windows.length} windows here.`
    },
    example: (step) => example("dz", step.winner[errorWindow(step)],
      step.delta0[errorWindow(step)] === 0 ? "No error arrived at the marked cell."
        : step.windows[errorWindow(step)] === DEAD ? "The marked winner was 0: its error stops here."
        : "The marked winner was above 0: its error passes.") },
  { panels: ["filter_gradient"],
    caption: () => "Each weight's gradient: the errors times the pixels that this weight met, added up.",
    example: (step) => example("filter_gradient", steepest(step), meeting(step)) },
  { panels: ["filter_change", "filter_after"],
    caption: (step) => isTrained(step)
      ? `Every weight moves a little against its gradient: ${rate(step.meta.learning_rate)} of it.`
      : "Nothing is learned from a digit that is only watched.",
    example: (step) => example("filter_after", steepest(step),
      isTrained(step) ? moveInWords(step.filter_gradient[steepest(step)]) : "") },
]

function example(panel, index, words) {
  return { panel, index, words }
}

/** The position of the largest size. */
function largest(values) {
  return values.reduce((best, value, index) => (
    Math.abs(value) > Math.abs(values[best]) ? index : best), 0)
}

function strongestWindow({ pooled }) {
  return largest(pooled)
}

/** The cell of the map that the largest pooled value comes from. */
function strongest(step) {
  return step.winner[strongestWindow(step)]
}

/** The pooled cell of the largest error that passes; where none does, of the largest. */
function errorWindow({ delta0, windows }) {
  const passing = delta0.map((error, window) => (windows[window] === DEAD ? 0 : error))
  const best = largest(passing)
  return passing[best] === 0 ? largest(delta0) : best
}

/** The weight with the largest gradient. */
function steepest({ filter_gradient: gradient }) {
  return largest(gradient.slice(0, BIAS))
}

/** What the back-fill does with the marked error. */
function landing(step) {
  const window = errorWindow(step)
  if (step.delta0[window] === 0) return "The marked error is 0: there is nothing to take back."
  return step.windows[window] === DEAD
    ? "The marked window has no winner, all four are 0: its error lands on the first and stops there."
    : "The marked cell won its window, so the whole error goes back to it."
}

/** Where the gradient of the marked weight comes from. */
function meeting(step) {
  if (step.filter_gradient[steepest(step)] === 0) return "Here no error came back: all nine are 0."
  return step.dz.every((error) => error === 0)
    ? "Here no error came back: it is from the other images of the batch."
    : "The marked weight met the marked pixels, where the marked errors came back."
}

function moveInWords(gradient) {
  if (gradient === 0) return "Its gradient is 0, so the marked weight stays."
  return gradient > 0 ? "Its gradient is positive, so the marked weight goes down."
    : "Its gradient is negative, so the marked weight goes up."
}

/** Which stage is lit after some seconds of a step that takes so many; past the end: all of them. */
export function stageAt(elapsed, seconds) {
  if (!(seconds > 0) || elapsed >= seconds) return STAGES.length
  return Math.floor((Math.max(0, elapsed) / seconds) * STAGES.length)
}

/** The panels that a step has reached when a stage is lit. */
export function reachedAt(stage) {
  return new Set(STAGES.slice(0, stage + 1).flatMap(({ panels }) => panels))
}

export function lossInWords({ meta, probabilities, loss }) {
  const given = beforeLog(probabilities[meta.label], loss)
  return `Loss = −log(what it gave the ${meta.classes[meta.label]}) = −log ${given} = ${fixed(loss)}`
}

/** The true class with its article: a 4, an 8. */
function named({ classes, label }) {
  return `${/^[8aeiou]/i.test(classes[label]) ? "an" : "a"} ${classes[label]}`
}

/** How far the run is, each number with its unit. */
export function counter(step) {
  const { meta } = step
  return [`step ${count(meta.step)}`, ...imagesOf(step), `epoch ${count(meta.epoch)}`,
    `η ${rate(meta.learning_rate)}`].join(" · ")
}

/** Which images of the epoch the step used; nothing where it is another one that is shown. */
function imagesOf(step) {
  const { batch, position, epoch_size: all, note } = step.meta
  if (note || !isTrained(step)) return []
  const used = batch > 1 ? `images ${count(position - batch + 1)}–${count(position)}`
    : `image ${count(position)}`
  return [`${used} of ${count(all)}`]
}

/** The step in a sentence, for when nothing moves. */
export function summary(step) {
  const { meta, probabilities } = step
  const said = meta.classes[meta.predicted]
  const sure = fixed(probabilities[meta.predicted])
  if (meta.told === false) {
    return `The network says ${said} (${sure}). The way back is drawn as if that were right.`
  }
  const verdict = meta.label === meta.predicted ? "rightly" : "wrongly"
  const which = meta.batch > 1 ? `Image ${meta.batch_index + 1} of ${meta.batch} is` : "This is"
  return `${which} ${named(meta)}. The network says ${said} (${sure}), ${verdict}. ${lossInWords(step)}.`
}
