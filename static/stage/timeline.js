/**
 * Slow motion: which stage of a step is lit when, and what happens in it, in plain words.
 *
 * @typedef {Object} Stage
 * @property {string[]} panels what is lit
 * @property {(step: import("./step.js").Step) => string} caption
 */

import { count, fixed, rate } from "./format.js"
import { DEAD } from "./step.js"

/** @type {Stage[]} */
export const STAGES = [
  { panels: ["image"],
    caption: ({ meta }) => `A picture comes in: 28×28 grey values. It is ${named(meta)}.` },
  { panels: ["filter_before", "z"],
    caption: () => "The filter slides over it: at each place nine products are added up, plus the bias." },
  { panels: ["feature_map"],
    caption: () => "What came out negative becomes 0; what matched the filter stays." },
  { panels: ["pooled"],
    caption: () => "Of every 2×2 window only the largest value is kept, and where it stood." },
  { panels: ["hidden"],
    caption: ({ meta }) => `${meta.hidden} hidden units each weigh all the kept values; negative sums become 0.` },
  { panels: ["probabilities"],
    caption: ({ meta }) => `Ten sums, shared out to 1. The network says ${meta.classes[meta.predicted]}.` },
  { panels: ["probabilities"],
    caption: (step) => `${lossInWords(step)}. The smaller, the better.` },
  { panels: ["delta2"],
    caption: () => "Now back. Each output's error: what it said minus what it should have said." },
  { panels: ["delta1"],
    caption: () => "Each hidden unit gets its share of the blame, by the weights it sent its value through." },
  { panels: ["delta0"],
    caption: () => "The same again: every pooled value gets its share of the blame." },
  { panels: ["backfill"],
    caption: () => "Only the winners made it through the pooling, so each takes its window's whole error." },
  { panels: ["dz"],
    caption: (step) => {
      const dead = step.windows.filter((window) => window === DEAD).length
      return `A winner that was 0 passes nothing back (×): ${dead} of ${step.windows.length} windows here.`
    } },
  { panels: ["filter_gradient"],
    caption: () => "Each weight's gradient: the errors times the pixels that this weight met, added up." },
  { panels: ["filter_change", "filter_after"],
    caption: ({ meta }) => meta.watching === null
      ? `Every weight moves a little against its gradient: ${rate(meta.learning_rate)} of it.`
      : "Nothing is learned from a digit that is only watched." },
]

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
  const truth = fixed(probabilities[meta.label])
  return `Loss = −log(what it gave the ${meta.classes[meta.label]}) = −log ${truth} = ${fixed(loss)}`
}

/** The true class with its article: a 4, an 8. */
function named({ classes, label }) {
  return `${/^[8aeiou]/i.test(classes[label]) ? "an" : "a"} ${classes[label]}`
}

/** How far the run is, each number with its unit. */
export function counter({ meta }) {
  return `step ${count(meta.step)} · image ${count(meta.position)} of ${count(meta.epoch_size)}`
    + ` · epoch ${count(meta.epoch)} · η ${rate(meta.learning_rate)}`
}

/** The step in a sentence, for when nothing moves. */
export function summary(step) {
  const { meta, probabilities } = step
  const said = meta.classes[meta.predicted]
  const sure = fixed(probabilities[meta.predicted])
  const verdict = meta.label === meta.predicted ? "rightly" : "wrongly"
  const which = meta.batch > 1 ? `Image ${meta.batch_index + 1} of ${meta.batch} is` : "This is"
  return `${which} ${named(meta)}. The network says ${said} (${sure}), ${verdict}. ${lossInWords(step)}.`
}
