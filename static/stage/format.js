/** Numbers as text: always the same decimals, a real minus sign, a fixed width. */

const THOUSANDS = new Intl.NumberFormat("en-US")
const FIGURE_SPACE = "\u2007"

/** −0.1234; a value that rounds to zero carries no sign. */
export function fixed(value, decimals = 4) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : value < 0 ? "−∞" : "∞"
  const digits = Math.abs(value).toFixed(decimals)
  return value < 0 && Number(digits) !== 0 ? `−${digits}` : digits
}

/** +0.1234 or −0.1234; zero gets a space as wide as a sign, so that columns stay in line. */
export function signed(value, decimals = 4) {
  const text = fixed(value, decimals)
  if (text.startsWith("−")) return text
  return (Number(text) === 0 ? FIGURE_SPACE : "+") + text
}

/** The end of a colour scale, about four digits wherever the point stands. */
export function scaleEnd(value) {
  const size = Math.abs(value)
  const decimals = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3
  if (size > 0 && size < 0.0001) return `${fixed(value * 1e6, 0)}·10⁻⁶`
  if (size > 0 && size < 0.001) return fixed(value, 4)
  return fixed(value, decimals)
}

/** 12,345 */
export function count(value) {
  return THOUSANDS.format(value)
}

/** A learning rate as people write it, exactly: 0.01, 0.0003, 0.01234. */
export function rate(value) {
  return value.toFixed(12).replace(/\.?0+$/, "")
}
