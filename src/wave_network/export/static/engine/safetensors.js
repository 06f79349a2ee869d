// Weights as they are stored: safetensors files, with tables in 32, 8 or 4 bits.

import { ModelFolderError } from "./errors.js";

/**
 * @typedef {Float32Array | Float64Array | Int32Array | Int8Array | Uint8Array | Uint16Array} Values
 */
/** @typedef {{ shape: number[], values: Values }} Tensor */
/**
 * The name and the shape of a tensor; a table has scales if it is stored in 8 bits.
 * @typedef {{ name: string, shape: number[], scales?: "row" | "table" }} Spec
 */

/** @type {Record<string, any>} */
const TYPES = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array, // as bits
  I32: Int32Array,
  I8: Int8Array,
  U8: Uint8Array,
};
const LARGEST_HEADER = 100_000_000;
const NUMBERS_A_SCALE = 32;
const HALF_BYTE_ZERO = 8;

/**
 * Read the tensors of a safetensors file.
 * @param {Uint8Array} bytes
 * @returns {Map<string, Tensor>}
 */
export function readTensors(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = bytes.length < 8 ? 0 : Number(view.getBigUint64(0, true));
  if (!size || size > LARGEST_HEADER || size > bytes.length - 8) throw damaged("no header");
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + size)));
  // Not a Node Buffer, whose slices are no copies.
  const data = new Uint8Array(bytes.buffer, bytes.byteOffset + 8 + size, bytes.length - 8 - size);
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets: place }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const Type = Object.hasOwn(TYPES, dtype) ? TYPES[dtype] : undefined;
    const count = shape?.reduce((/** @type {number} */ all, /** @type {number} */ n) => all * n, 1);
    const [start, end] = place ?? [];
    if (
      !Type ||
      !(start >= 0) ||
      end > data.length ||
      count * Type.BYTES_PER_ELEMENT !== end - start
    ) {
      throw damaged(`no tensor ${name}`);
    }
    // A copy, because the file does not align its numbers.
    tensors.set(name, {
      shape,
      values: new Type(data.slice(start, end).buffer),
    });
  }
  return tensors;
}

/**
 * The tensors that a network needs, as numbers of 32 bits.
 * @param {Uint8Array} bytes
 * @param {Spec[]} specs
 * @param {number} bits Those of a table's numbers: 32, 8 or 4.
 */
export function readWeights(bytes, specs, bits) {
  const stored = readTensors(bytes);
  /** @type {Record<string, Float32Array>} */
  const weights = {};
  for (const spec of specs) {
    weights[spec.name] =
      spec.scales && bits < 32
        ? table(stored, spec, bits)
        : /** @type {Float32Array} */ (found(stored, spec.name, spec.shape));
  }
  return weights;
}

/**
 * @param {Map<string, Tensor>} stored
 * @param {string} name
 * @param {number[]} shape
 */
function found(stored, name, shape) {
  const tensor = stored.get(name);
  if (tensor?.shape.join() !== shape.join()) throw damaged(`no tensor ${name} of ${shape}`);
  return tensor.values;
}

/**
 * @param {Map<string, Tensor>} stored
 * @param {Spec} spec
 * @param {number} bits
 */
function table(stored, { name, shape, scales }, bits) {
  const [rows, columns] = shape;
  const scaleName = `${name.slice(0, name.lastIndexOf("."))}.scale`;
  if (bits === 8) {
    const scale = found(stored, scaleName, [scales === "row" ? rows : 1, 1]);
    return scaled(found(stored, name, shape), scale, scales === "row" ? columns : rows * columns);
  }
  const together = Math.max(Math.floor(NUMBERS_A_SCALE / columns), 1);
  const bitsOfScales = found(stored, scaleName, [Math.ceil(rows / together), 1]);
  const half = Math.ceil(rows / 2) * columns;
  const packed = found(stored, name, [half / columns, columns]);
  const levels = new Int8Array(2 * half);
  for (let place = 0; place < half; place++) {
    levels[place] = (packed[place] & 15) - HALF_BYTE_ZERO;
    levels[half + place] = (packed[place] >> 4) - HALF_BYTE_ZERO;
  }
  const scale = Float32Array.from(bitsOfScales, halfPrecision);
  return scaled(levels.subarray(0, rows * columns), scale, together * columns);
}

/**
 * Multiply each run of values by its scale.
 * @param {Values} values
 * @param {Values} scale
 * @param {number} run
 */
function scaled(values, scale, run) {
  const result = new Float32Array(values.length);
  for (let start = 0, which = 0; start < values.length; start += run, which++) {
    const factor = scale[which];
    const end = Math.min(start + run, values.length);
    for (let place = start; place < end; place++) result[place] = values[place] * factor;
  }
  return result;
}

/**
 * The number that 16 bits stand for.
 * @param {number} bits
 */
function halfPrecision(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
  return bits & 0x8000 ? -size : size;
}

/** @param {string} reason */
function damaged(reason) {
  return new ModelFolderError(`the weights are damaged: ${reason}`);
}
