// What a user can see go wrong.

/** A model folder is missing, damaged, of another program, or of a kind that is not read here. */
export class ModelFolderError extends Error {
  name = "ModelFolderError";
}

/** An option has a value that does not exist, or that the model does not support. */
export class ConfigError extends Error {
  name = "ConfigError";
}

/** Texts or labels cannot be used. */
export class DataError extends Error {
  name = "DataError";
}
