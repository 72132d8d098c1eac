/**
 * Where the cells of a panel lie, in pixels of the screen, so that every square is crisp.
 *
 * @typedef {Object} Geometry
 * @property {number} width
 * @property {number} height
 * @property {number} count how many cells
 * @property {(index: number) => [number, number, number, number]} rect left, top, width, height
 * @property {(x: number, y: number) => number} at the cell under a point, or −1
 * @property {(index: number, right: number, down: number) => number} step the cell that an arrow
 *   key leads to; at the edge the same
 */

/**
 * A grid of equal squares, filled row by row; its last row may be shorter.
 *
 * @returns {Geometry}
 */
export function grid(columns, count, side) {
  const rows = Math.ceil(count / columns)
  return {
    width: columns * side,
    height: rows * side,
    count,
    columns,
    rect: (index) => [(index % columns) * side, Math.floor(index / columns) * side, side, side],
    at: (x, y) => {
      const column = Math.floor(x / side)
      const row = Math.floor(y / side)
      const index = row * columns + column
      return column >= 0 && column < columns && row >= 0 && index < count ? index : -1
    },
    step: (index, right, down) => {
      const column = (index % columns) + right
      const next = (Math.floor(index / columns) + down) * columns + column
      return column < 0 || column >= columns || next < 0 || next >= count ? index : next
    },
  }
}

/**
 * A filter: three rows of three weights and, below them, one wide cell for the bias.
 *
 * @returns {Geometry}
 */
export function filter(width, height, gap, bias) {
  const top = 3 * height + gap
  return {
    width: 3 * width,
    height: top + bias,
    count: 10,
    rect: (index) =>
      index === 9
        ? [0, top, 3 * width, bias]
        : [(index % 3) * width, Math.floor(index / 3) * height, width, height],
    at: (x, y) => {
      if (x < 0 || x >= 3 * width || y < 0 || y >= top + bias) return -1
      if (y >= top) return 9
      return Math.min(2, Math.floor(y / height)) * 3 + Math.floor(x / width)
    },
    step: (index, right, down) => {
      if (index === 9) return down < 0 ? 7 : 9
      if (down > 0 && index >= 6) return 9
      return grid(3, 9, 1).step(index, right, down)
    },
  }
}

/**
 * Rows below each other, one for each class.
 *
 * @returns {Geometry}
 */
export function rows(width, height, count) {
  return {
    width,
    height: height * count,
    count,
    rect: (index) => [0, index * height, width, height],
    at: (x, y) => {
      const row = Math.floor(y / height)
      return x >= 0 && x < width && row >= 0 && row < count ? row : -1
    },
    step: (index, right, down) => Math.min(count - 1, Math.max(0, index + down)),
  }
}
