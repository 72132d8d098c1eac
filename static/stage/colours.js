/**
 * The stage's colours: greys for pictures, blue (positive) and orange (negative) for whatever has
 * a sign, one accent for what is highlighted. Blue and orange stay apart for every common kind of
 * colour blindness. Zero is nearly the page's background, so that strength reads as strength in
 * both themes.
 */

const LIGHT = {
  dark: false,
  paper: [255, 255, 255],
  ink: [30, 33, 40],
  accent: "#c4117f",
  halo: "#ffffff",
  grey: [[112, 114, 120], [18, 20, 26]],
  positive: [[160, 203, 234], [52, 132, 196], [6, 62, 126]],
  negative: [[253, 200, 146], [233, 122, 32], [147, 58, 4]],
}

const DARK = {
  dark: true,
  paper: [14, 17, 23],
  ink: [232, 234, 240],
  accent: "#ff74c4",
  halo: "#0b0d12",
  grey: [[134, 138, 148], [250, 250, 252]],
  positive: [[27, 78, 128], [54, 143, 219], [176, 222, 255]],
  negative: [[122, 62, 12], [226, 125, 36], [255, 216, 168]],
}

const STEPS = 256
// Up to this share of the range a value looks like zero. From twice that on its sign is seen: it
// begins so far up the scale.
const TRACE = 0.01
const FIRST = 0.08

/**
 * @typedef {Object} Theme
 * @property {boolean} dark
 * @property {string} ink what is written, as a CSS colour
 * @property {string} muted
 * @property {string} line
 * @property {string} paper the background
 * @property {string} accent what is highlighted
 * @property {string} halo what separates a mark from the colour below it
 * @property {string} font
 * @property {string} source what it was made from
 * @property {(value: number, range: number) => number[]} signed colour of a value in −range..range
 * @property {(value: number) => number[]} grey colour of a pixel in 0..1
 */

/**
 * Read the theme where the stage stands. Streamlit hands it down as CSS variables.
 *
 * @param {Element} element
 * @param {Theme | undefined} known returned as it is while the page's theme is still the same
 * @returns {Theme}
 */
export function themeOf(element, known) {
  const style = getComputedStyle(element)
  const source = ["--st-background-color", "--st-text-color", "--st-font"]
    .map((name) => style.getPropertyValue(name)).join()
  if (known?.source === source) return known
  const paper = parse(style.getPropertyValue("--st-background-color")) ?? LIGHT.paper
  const ink = parse(style.getPropertyValue("--st-text-color"))
  const base = luminance(paper) < 0.4 ? DARK : LIGHT
  const font = style.getPropertyValue("--st-font") || "sans-serif"
  return { ...theme(base, paper, ink ?? base.ink, font), source }
}

/** @returns {Theme} */
export function theme(base, paper = base.paper, ink = base.ink, font = "sans-serif") {
  const zero = mix(paper, ink, base.dark ? 0.09 : 0.055)
  const [positive, negative, grey] = [base.positive, base.negative, base.grey]
    .map((stops) => ramp([zero, ...stops]))
  return {
    dark: base.dark,
    paper: css(paper),
    ink: css(ink),
    muted: css(mix(paper, ink, 0.68)),
    line: css(mix(paper, ink, 0.22)),
    accent: base.accent,
    halo: base.halo,
    font,
    grey: (value) => grey[Math.round(clamp(value) * (STEPS - 1))],
    signed: (value, range) => {
      const share = clamp(Math.abs(value) / range)
      const strength = FIRST * clamp(share / TRACE - 1) + (1 - FIRST) * share
      return (value > 0 ? positive : negative)[Math.round(strength * (STEPS - 1))]
    },
  }
}

export const light = () => theme(LIGHT)
export const dark = () => theme(DARK)

/** How bright a colour looks, 0..1. */
export function luminance([red, green, blue]) {
  return (0.299 * red + 0.587 * green + 0.114 * blue) / 255
}

/** @param {number[]} colour */
export function css([red, green, blue]) {
  return `rgb(${Math.round(red)} ${Math.round(green)} ${Math.round(blue)})`
}

function clamp(value) {
  return Math.min(1, Math.max(0, value))
}

function mix(from, to, share) {
  return from.map((channel, index) => channel + share * (to[index] - channel))
}

/** All steps of a scale whose stops lie at equal distances. */
function ramp(stops) {
  return Array.from({ length: STEPS }, (_, step) => {
    const place = (step / (STEPS - 1)) * (stops.length - 1)
    const first = Math.min(Math.floor(place), stops.length - 2)
    return mix(stops[first], stops[first + 1], place - first)
  })
}

/** #rgb, #rrggbb, rgb(…) or rgba(…) as three numbers. */
function parse(text) {
  const colour = text.trim()
  if (/^#[0-9a-f]{3}$/i.test(colour)) {
    return [...colour.slice(1)].map((digit) => parseInt(digit + digit, 16))
  }
  if (/^#[0-9a-f]{6,8}$/i.test(colour)) {
    return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16))
  }
  const numbers = colour.startsWith("rgb") ? colour.match(/[\d.]+/g) : null
  return numbers ? numbers.slice(0, 3).map(Number) : null
}
