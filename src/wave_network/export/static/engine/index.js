// Wave Network in JavaScript: predict texts with a model folder, in browsers and elsewhere.

import { ModelFolderError } from "./errors.js";
import { readFolder } from "./folder.js";
import { Model } from "./model.js";

export { ConfigError, DataError, ModelFolderError } from "./errors.js";
export { Model } from "./model.js";

/**
 * Load a model folder from a web server.
 * @param {string | URL} url That of the folder.
 */
export async function fromUrl(url) {
  const base = new URL(url, globalThis.document?.baseURI);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  return fromFiles(async (name, optional) => {
    const response = await fetch(new URL(name, base));
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    if (optional && response.status === 404) return undefined;
    throw new ModelFolderError(`${response.url} cannot be read: ${response.status}`);
  });
}

/**
 * Load a model from its files.
 * @param {import("./folder.js").Read} read Gives the bytes of a file of the folder, by its name.
 */
export async function fromFiles(read) {
  const files = await readFolder(read);
  try {
    return new Model(files);
  } catch (error) {
    if (error instanceof ModelFolderError) throw error;
    // A part is missing, or of another type: no file of ours.
    throw new ModelFolderError(`the model is damaged: ${/** @type {Error} */ (error).message}`);
  }
}
