/** A class of a model, of the type that it has in the training data. */
export type Label = string | number | boolean;

/** A model folder is missing, damaged, of another program, or of a kind that is not read here. */
export class ModelFolderError extends Error {}

/** An option has a value that does not exist, or that the model does not support. */
export class ConfigError extends Error {}

/** Texts or labels cannot be used. */
export class DataError extends Error {}

/** The answer for one text. */
export interface Prediction {
  /** The most probable label; null if its probability is below the threshold. */
  readonly label: Label | null;
  /** The probability of `label`; without one, the highest probability. */
  readonly score: number;
  /** All labels of the text, the most probable first: several of a multi-label model. */
  readonly labels: Label[];
  /** The probability of every label, the highest first. */
  readonly scores: Map<Label, number>;
  /** The share of known texts that are less unusual, 0 to 1; undefined unless asked for. */
  readonly outOfScope: number | undefined;
  /** The labels whose probability is at least the threshold, the most probable first. */
  reaching(threshold: number): Label[];
}

/** A token of a text and its contribution to the answer. */
export interface TokenShare {
  /** The characters, `text.slice(start, end)`. */
  token: string;
  /** Where it starts in the text, in UTF-16 units as JavaScript counts them. */
  start: number;
  end: number;
  /** What it adds to the label's log-odds; below 0, it speaks against the label. */
  attribution: number;
  /** Its share of the waves' energy, averaged over all dimensions; 0 for a model of fastText. */
  energy: number;
}

/** Each token's contribution to the answer for a text. */
export interface Explanation {
  text: string;
  label: Label;
  /** The label's probability. */
  score: number;
  /** log p / (1 - p) of that probability. */
  logOdds: number;
  /** The log-odds for an empty text: all attributions add up to `logOdds - baseline`. */
  baseline: number;
  tokens: TokenShare[];
}

/** Waves as two arrays of real numbers, (tokens, dimensions), row by row. */
export interface Wave {
  real: Float64Array;
  imag: Float64Array;
}

/** A trained classifier. */
export class Model {
  private constructor();
  /** The classes, in the order of `predictProba`'s probabilities. */
  readonly labels: Label[];
  /** Whether a text may have any number of labels. */
  readonly multiLabel: boolean;
  /** Whether tokens are waves; a model that fastText trained has none. */
  readonly hasWaves: boolean;
  /** The most tokens that are read of a text. */
  readonly maxLength: number;

  /**
   * Classify texts.
   * @param options.threshold Below this probability a label is not given; 0 by default.
   * @param options.outOfScope Also tell how unusual each text is.
   */
  predict(
    texts: Iterable<string>,
    options?: { threshold?: number; outOfScope?: boolean },
  ): Prediction[];

  /** The probability of each label, in the order of `labels`, for each text. */
  predictProba(texts: Iterable<string>): Float32Array[];

  /** For each text a set of labels that contains the true one with a given frequency (0.9). */
  predictSets(texts: Iterable<string>, coverage?: number): Label[][];

  /** The lowest probability of a label in a prediction set of that coverage. */
  conformalThreshold(coverage: number): number;

  /**
   * Explain an answer: how much does each token of the text contribute?
   * @param options.label The label that is explained; by default the most probable one.
   */
  explain(text: string, options?: { label?: Label }): Explanation;

  /** The tokens of a text, and both waves of each in the first layer, not yet combined. */
  waves(text: string): {
    tokens: string[];
    dimensions: number;
    first: Wave;
    second: Wave;
  };
}

/** Load a model folder from the disk. In Node only. */
export function fromFolder(folder: string): Promise<Model>;

/** Load a model folder from a web server. */
export function fromUrl(url: string | URL): Promise<Model>;

/**
 * Load a model from its files.
 * @param read Gives the bytes of a file of the folder, by its name; undefined where an optional one
 *   is missing.
 */
export function fromFiles(
  read: (name: string, optional: boolean) => Promise<Uint8Array | undefined>,
): Promise<Model>;
