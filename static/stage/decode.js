/**
 * The bytes of a frame (pages/parts/frame.py) back into names, numbers and arrays.
 *
 * @typedef {Object} Frame
 * @property {Object} meta what is known of the step: step, run, label, predicted, slow, …
 * @property {Object<string, Float32Array | Uint16Array>} arrays every array, in row order
 * @property {Object<string, number[]>} shapes
 */

const KINDS = { float32: Float32Array, uint16: Uint16Array }

/**
 * @param {Uint8Array} bytes
 * @returns {Frame}
 * @throws {Error} with a sentence for the reader of the page
 */
export function decode(bytes) {
  if (!(bytes instanceof Uint8Array) || bytes.length < 4) {
    throw new Error("The stage received no picture of a step.")
  }
  // A message from the server may lie at any address; arrays need one that is a multiple of four.
  const { buffer } = bytes.slice()
  const length = new DataView(buffer).getUint32(0, true)
  let header
  try {
    header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)))
  } catch {
    throw new Error("The stage received a picture of a step that it cannot read.")
  }
  const arrays = {}
  const shapes = {}
  for (const [name, { dtype, shape, offset }] of Object.entries(header.arrays)) {
    const Kind = KINDS[dtype]
    const count = shape.reduce((product, side) => product * side, 1)
    if (!Kind || offset + count * Kind.BYTES_PER_ELEMENT > buffer.byteLength) {
      throw new Error(`The stage received a step whose “${name}” is incomplete.`)
    }
    arrays[name] = new Kind(buffer, offset, count)
    shapes[name] = shape
  }
  return { meta: header.meta, arrays, shapes }
}
