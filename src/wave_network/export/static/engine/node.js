// Wave Network in Node: all of index.js, and models from the disk.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { ModelFolderError } from "./errors.js";
import { fromFiles } from "./index.js";

export * from "./index.js";

/**
 * Load a model folder from the disk.
 * @param {string} folder
 */
export async function fromFolder(folder) {
  return fromFiles(async (name, optional) => {
    try {
      return await readFile(join(folder, name));
    } catch (error) {
      const { code } = /** @type {NodeJS.ErrnoException} */ (error);
      if (optional && code === "ENOENT") return undefined;
      throw new ModelFolderError(`${join(folder, name)} cannot be read: ${code}`);
    }
  });
}
