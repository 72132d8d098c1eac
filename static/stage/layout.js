/**
 * How large everything is, from the width that the page leaves.
 *
 * The measure of the stage is u, the side of one cell of the feature map in pixels of the screen,
 * always a whole number of them, so that no square is blurred. Everything else is a multiple of it.
 *
 * wide: both rows side by side on one screen. medium: the rows break once. narrow: pairs from top
 * to bottom, forward left, backward right. The areas themselves are in stage.css.
 *
 * @typedef {Object} Layout
 * @property {"wide" | "medium" | "narrow"} mode
 * @property {number} cell u in pixels of the screen
 * @property {number} ratio pixels of the screen for one CSS pixel
 * @property {number} gap CSS pixels between columns
 * @property {number} bars CSS pixels, how wide the bars of the outputs are
 * @property {number} units CSS pixels, how wide the hidden layer is
 */

// Widths in u: image, filter, three maps' columns, hidden units, bars; and the gaps between them.
const WIDE = { columns: 28 + 21 + 3 * 26 + 10 + 19, gaps: 6 }
const MEDIUM = { columns: 28 + 21 + 2 * 26, gaps: 3 }
// The maps are two cells narrower than the image: gap enough between the pairs of a narrow screen.
const NARROW = { columns: 2 * 28 }
const GAP = 3
const SMALLEST = 6
const LARGEST = 11
// What of the wide stage's height does not grow with u, and how many u high the rest is.
const WIDE_FIXED = 330
const WIDE_ROWS = 2 * 28 + 20

/**
 * @param {number} width CSS pixels
 * @param {number} height CSS pixels of the window, so that the wide stage fits one screen
 * @param {number} ratio
 * @returns {Layout}
 */
export function layoutFor(width, height, ratio) {
  const snapped = (size) => Math.floor(size * ratio) / ratio
  const fits = ({ columns, gaps }) => snapped(width / (columns + gaps * GAP))
  const within = (cell, most) => Math.max(SMALLEST, Math.min(cell, most))
  const tall = snapped((height - WIDE_FIXED) / WIDE_ROWS)
  if (fits(WIDE) >= SMALLEST) return wide(width, within(fits(WIDE), Math.min(LARGEST, tall)), ratio)
  if (fits(MEDIUM) >= SMALLEST) return medium(width, within(fits(MEDIUM), LARGEST), ratio)
  return narrow(width, Math.min(snapped(width / NARROW.columns), LARGEST), ratio)
}

function wide(width, u, ratio) {
  const spare = width - WIDE.columns * u
  const gap = Math.floor(Math.min(6 * u, spare / (WIDE.gaps + 1)))
  const bars = Math.floor(Math.min(30 * u, 19 * u + spare - WIDE.gaps * gap))
  return { mode: "wide", cell: Math.round(u * ratio), ratio, gap, bars, units: 10 * u }
}

function medium(width, u, ratio) {
  const gap = Math.floor(Math.min(6 * u, (width - MEDIUM.columns * u) / MEDIUM.gaps))
  const cell = Math.round(u * ratio)
  return { mode: "medium", cell, ratio, gap, bars: 26 * u, units: 21 * u }
}

function narrow(width, u, ratio) {
  const gap = Math.floor(width - NARROW.columns * u)
  const cell = Math.round(u * ratio)
  return { mode: "narrow", cell, ratio, gap, bars: 26 * u, units: 26 * u }
}
