// The files of a model folder, read whole and checked to belong together.

import { ModelFolderError } from "./errors.js";

const FORMAT_VERSION = 1;
const BITS = new Map([
  [null, 32],
  ["int8", 8],
  ["int4", 4],
]);
const WEIGHTS = "model.safetensors";
const TOKENIZER = "tokenizer.json";
const CONFORMAL = "conformal.json";
const OUT_OF_SCOPE = "out_of_scope.safetensors";
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1;
  return rest;
});

/** @typedef {(name: string, optional: boolean) => Promise<Uint8Array | undefined>} Read */

/**
 * @typedef {object} ModelFiles
 * @property {any} config What `config.json` holds.
 * @property {number} bits Those of a number of the tables.
 * @property {Uint8Array} weights
 * @property {any} tokenizer What `tokenizer.json` holds.
 * @property {number[] | undefined} conformalThresholds
 * @property {Uint8Array | undefined} outOfScope
 */

/**
 * Read a model folder.
 * @param {Read} read Gives the bytes of a file; undefined where an optional one is missing.
 * @returns {Promise<ModelFiles>}
 */
export async function readFolder(read) {
  const config = parsed(await read("config.json", false), "config.json");
  if (config.model_type !== "wave-network" || config.export) {
    throw new ModelFolderError("config.json does not describe a Wave Network model");
  }
  if (!(config.format_version <= FORMAT_VERSION)) {
    throw new ModelFolderError(
      `its format ${config.format_version} is newer than this version reads`,
    );
  }
  const bits = BITS.get(config.quantization ?? null);
  if (!bits) throw new ModelFolderError(`unknown quantization ${config.quantization}`);
  const sums = config.checksums;
  const names = [WEIGHTS, TOKENIZER, CONFORMAL, OUT_OF_SCOPE];
  const contents = await Promise.all(
    names.map(async (name, place) => {
      const optional = place > 1;
      if (optional && sums && !sums[name]) return undefined;
      const bytes = await read(name, optional);
      if (bytes && sums?.[name] && checksum(bytes) !== sums[name]) {
        throw new ModelFolderError(`${name} is damaged, or of another model than config.json`);
      }
      return bytes;
    }),
  );
  const [weights, tokenizer, conformal, outOfScope] = contents;
  return {
    config,
    bits,
    weights: /** @type {Uint8Array} */ (weights),
    tokenizer: parsed(tokenizer, TOKENIZER),
    conformalThresholds: conformal && parsed(conformal, CONFORMAL).bars,
    outOfScope,
  };
}

/**
 * @param {Uint8Array | undefined} bytes
 * @param {string} name
 */
function parsed(bytes, name) {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes));
    if (value && typeof value === "object") return value;
  } catch {
    // said below
  }
  throw new ModelFolderError(`${name} is damaged: not a JSON object`);
}

/**
 * The CRC-32 of a file, as `config.json` holds it.
 * @param {Uint8Array} bytes
 */
function checksum(bytes) {
  let sum = -1;
  for (let place = 0; place < bytes.length; place++) {
    sum = TABLE[(sum ^ bytes[place]) & 255] ^ (sum >>> 8);
  }
  return ((sum ^ -1) >>> 0).toString(16).padStart(8, "0");
}
