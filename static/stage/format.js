/** Numbers as text: always the same decimals, a real minus sign, a fixed width. */

const THOUSANDS = new Intl.NumberFormat("en-US")
const FIGURE_SPACE = "\u2007"
const RAISED = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"

// Below this a probability is written with a power of ten.
const SMALL = 1e-4
// Below this float32 holds fewer digits of it, or none.
const SMALLEST = 2 ** -126

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

/**
 * A probability with so many digits that −log of it, as it is written, is the loss as it is written.
 *
 * @param {number} probability
 * @param {number} loss in nats; it stays finite where the probability is too small for a float32
 */
export function beforeLog(probability, loss) {
  if (!Number.isFinite(loss)) return fixed(probability)
  const log = probability >= SMALLEST ? Math.log(probability) : -loss
  const power = probability >= SMALL ? 0 : Math.floor(log / Math.LN10)
  const share = power ? 10 ** (log / Math.LN10 - power) : probability
  let n = power ? 1 : 4
  const comesTo = (written) => fixed(-Math.log(written) - power * Math.LN10) === fixed(loss)
  while (n < 9 && !comesTo(Number(share.toFixed(n)))) n += 1
  return power ? `(${fixed(share, n)}·10${raised(power)})` : fixed(share, n)
}

function raised(power) {
  return [...String(power)].map((sign) => RAISED["-0123456789".indexOf(sign)]).join("")
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
