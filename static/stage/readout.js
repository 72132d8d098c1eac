/**
 * A cell in words: its name, its value, and the arithmetic that leads there.
 *
 * @typedef {{head: string, place: string, detail: string}} Readout
 */

import { count, fixed, rate, signed } from "./format.js"
import { activeCells, patchOf } from "./relations.js"
import { BIAS, DEAD, IMAGE, MAP, POOLED, TIE, isCovered, isTrained, windowCells, windowOf } from "./step.js"

/**
 * @param {string} panel
 * @param {number} index
 * @param {import("./step.js").Step} step
 * @param {Set<string> | null} reached in slow motion the panels that the step has reached
 * @returns {Readout}
 */
export function readout(panel, index, step, reached = null) {
  if (isCovered(step, panel, index)) {
    return said("?", "covered", "The quiz asks for it: answer the question, then it is shown.")
  }
  return WRITERS[panel](index, step, reached)
}

const WRITERS = {
  image: (index, { image }) => {
    const [row, column] = at(index, IMAGE)
    return said(`x[${row},${column}] = ${fixed(image[index])}`, `pixel, ${place(row, column)}`,
      image[index] === 0 ? "0 is empty paper: it adds nothing to any sum." : "")
  },
  z: (index, step) => {
    const [row, column] = at(index, MAP)
    const products = patchOf(index).map((pixel, w) => step.filter_before[w] * step.image[pixel])
    const summands = [...products, step.filter_before[BIAS]]
    const n = enough(3, step.z[index], 4, (read) => summands.reduce((sum, one) => sum + read(one), 0))
    const terms = summands.map((term) => fixed(term, n))
    return said(`z[${row},${column}] = ${fixed(step.z[index])}`,
      `feature map, ${place(row, column)}`, `= Σ weight × pixel + bias = ${terms.join(" + ").replaceAll("+ −", "− ")} (b)`)
  },
  feature_map: (index, step) => {
    const [row, column] = at(index, MAP)
    const window = windowOf(index)
    const [i, j] = at(window, POOLED)
    const won = step.winner[window] === index
    const fate = step.windows[window] === DEAD ? "its window is all 0: nothing to win"
      : !won ? "did not win its window"
      : step.windows[window] === TIE ? `first of equal values, goes on to P[${i},${j}]`
      : `wins its window, goes on to P[${i},${j}]`
    return said(`f[${row},${column}] = ${fixed(step.feature_map[index])}`,
      `feature map after max(0, ·), ${place(row, column)}`,
      `= max(0, ${fixed(step.z[index])}); ${fate}`)
  },
  pooled: (index, step, reached) => {
    const [row, column] = at(index, POOLED)
    const four = windowCells(index).map((cell) => fixed(step.feature_map[cell])).join(", ")
    const back = reached && !reached.has("delta0") ? "" : `; ${routing(index, step)}. ${comingBack(index, step)}`
    return said(`P[${row},${column}] = ${fixed(step.pooled[index])}`,
      `pooled, ${place(row, column)}`, `= max(${four})${back}`)
  },
  hidden: (unit, step) => said(`a1[${unit}] = ${fixed(step.hidden[unit])}`, `hidden unit ${unit}`,
    worked("hidden", unit, step)
      ?? `= max(0, z1) with z1 = ${fixed(step.z1[unit])}, its weighted sum of all pooled values`),
  probabilities: (name, step) => said(`p[${name}] = ${fixed(step.probabilities[name])}`,
    `probability of “${step.meta.classes[name]}”`,
    (worked("probabilities", name, step) ?? `softmax of z2[${name}] = ${fixed(step.z2[name])}`)
      + (name === step.meta.label && step.meta.told !== false ? "; the true class" : "")),
  delta2: (name, step) => said(`δ2[${name}] = ${fixed(step.delta2[name])}`,
    `error of output “${step.meta.classes[name]}”`,
    `= p − y = ${fixed(step.probabilities[name])} − ${name === step.meta.label ? 1 : 0}`),
  delta1: (unit, step) => said(`δ1[${unit}] = ${fixed(step.delta1[unit])}`,
    `error of hidden unit ${unit}`,
    step.hidden[unit] === 0
      ? "blocked: the unit gave 0, so a small change of it changes nothing"
      : worked("delta1", unit, step)
        ?? "the ten errors δ2, each times the weight from this unit, added up"),
  delta0: (index, step) => {
    const [row, column] = at(index, POOLED)
    return said(`δ0[${row},${column}] = ${fixed(step.delta0[index])}`,
      `error of P[${row},${column}] above it`,
      `${worked("delta0", index, step) ?? routing(index, step)}. It ${landing(index, step)}`)
  },
  backfill: (index, step) => {
    const [row, column] = at(index, MAP)
    const window = windowOf(index)
    const [i, j] = at(window, POOLED)
    return said(`back-fill[${row},${column}] = ${fixed(step.backfill[index])}`,
      `error of f[${row},${column}] above it`,
      step.winner[window] === index
        ? `= δ0[${i},${j}], because this cell is the recorded winner`
        : "0: another cell of its window was the winner")
  },
  dz: (index, step) => {
    const [row, column] = at(index, MAP)
    const blocked = step.backfill[index] !== 0 && step.feature_map[index] === 0
    return said(`dz[${row},${column}] = ${fixed(step.dz[index])}`,
      `gradient of z[${row},${column}] above it`,
      blocked ? `blocked: ${fixed(step.backfill[index])} arrived, but f is 0 here`
        : step.dz[index] === 0 ? "no error arrived here"
        : "passes as it is: f is greater than 0 here")
  },
  filter_before: (index, step) => said(`${weight(index)} = ${fixed(step.filter_before[index], 6)}`,
    weightName(index), !isTrained(step) ? "after this step"
      : step.meta.note ? "before the step that is tried out" : "before this step"),
  filter_gradient: (index, step) => said(`d${weight(index)} = ${fixed(step.filter_gradient[index], 6)}`,
    `gradient of the ${weightName(index)}`, index === BIAS && step.meta.bias_rule === "notes"
      ? "the notes’ rule: the nine gradients added up"
      : `${index === BIAS ? "Σ dz" : "Σ dz × pixel"} over ${summedCells(step)}`),
  filter_change: (index, step) => {
    if (!isTrained(step)) return said(`change of ${weight(index)} = 0`, weightName(index), NOT_TRAINED)
    const { meta: { learning_rate: eta }, filter_change: change, filter_gradient: gradient } = step
    const shown = agreed(change[index], -eta * gradient[index])
    const n = enough(6, change[index], shown, (read) => -eta * read(gradient[index]))
    return said(`change of ${weight(index)} = ${signed(change[index], shown).trim()}`,
      weightName(index), `= −η × gradient = −${rate(eta)} × ${fixed(gradient[index], n)}`)
  },
  filter_after: (index, step) => {
    const { meta: { learning_rate: eta }, filter_before: before, filter_gradient: gradient } = step
    const after = step.filter_after[index]
    if (!isTrained(step)) {
      return said(`new ${weight(index)} = ${fixed(after, 6)}`, weightName(index), `it stays: ${NOT_TRAINED}`)
    }
    const n = enough(6, after, 6, (read) => read(before[index]) - eta * read(gradient[index]))
    return said(`new ${weight(index)} = ${fixed(after, 6)}`, weightName(index),
      `= ${fixed(before[index], n)} − ${rate(eta)} × ${fixed(gradient[index], n)}`)
  },
}

const NOT_TRAINED = "nothing is trained on this digit"

/** The cells whose errors a gradient adds up: of a batch, those of all its images. */
function summedCells(step) {
  const { batch } = step.meta
  const own = activeCells(step).length
  const cells = own === 1 ? "1 cell" : `${own} cells`
  return batch > 1 ? `the cells of all ${batch} images, the mean of them; ${cells} in this image` : cells
}

/** The fewest decimals, from some on, with which what is written comes to the result as written. */
function enough(least, result, decimals, made) {
  for (let n = least; n < least + 6; n += 1) {
    const total = made((value) => Number(value.toFixed(n)))
    if (fixed(total, decimals) === fixed(result, decimals)) return n
  }
  return least
}

/** Decimals of a change: eight, or as many as the rounding of the weights to float32 leaves right. */
function agreed(change, step) {
  return [8, 7, 6].find((n) => fixed(change, n) === fixed(step, n)) ?? 6
}

/** A panel in a sentence, for those who hear the page. */
export function description(panel, step) {
  const values = step[panel.name]
  const lowest = fixed(Math.min(...values))
  const highest = fixed(Math.max(...values))
  const keys = "Arrow keys move from cell to cell, Enter pins one, Escape lets go."
  const name = [panel.title, panel.symbol].filter(Boolean).join(" ")
  return `${name}, ${panel.shape(step.meta).replace("×", " by ")}, `
    + `step ${count(step.meta.step)}: from ${lowest} to ${highest}. ${keys}`
}

/** The sum behind a cell of slow motion, which takes weights that the stage does not have. */
function worked(panel, index, { meta, filter }) {
  const own = ({ spot }) => spot.panel === panel && spot.index === index
    && (panel !== "delta0" || spot.filter === filter)
  return meta.worked.find(own)?.text
}

function routing(window, step) {
  const [row, column] = at(step.winner[window], MAP)
  if (step.windows[window] === DEAD) return "dead window: all four are 0, no gradient passes"
  if (step.windows[window] === TIE) return `a tie: the first of the equal values, f[${row},${column}], counts`
  return `the winner is f[${row},${column}], so the whole error goes back there`
}

/** What comes back to a window, and where it lands. */
function comingBack(window, step) {
  const [row, column] = at(window, POOLED)
  return `Coming back: δ0[${row},${column}] = ${fixed(step.delta0[window])}, it ${landing(window, step)}`
}

function landing(window, step) {
  const [row, column] = at(step.winner[window], MAP)
  const blocked = step.windows[window] === DEAD
    ? `, where it stops: max(0, ·) holds f[${row},${column}] at 0` : ""
  return `lands on back-fill[${row},${column}]${blocked}`
}

function said(head, where, detail) {
  return { head, place: where, detail }
}

function at(index, columns) {
  return [Math.floor(index / columns), index % columns]
}

function place(row, column) {
  return `row ${row}, column ${column}`
}

function weight(index) {
  return index === BIAS ? "b" : `k[${Math.floor(index / 3)},${index % 3}]`
}

function weightName(index) {
  return index === BIAS ? "bias" : `weight, ${place(Math.floor(index / 3), index % 3)}`
}
