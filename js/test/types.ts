// What a user writes must fit the types; `npm run check` compiles it.

import {
  ConfigError,
  type Explanation,
  fromFolder,
  fromUrl,
  type Label,
  type Model,
  type Prediction,
} from "../../src/wave_network/export/static/engine/index.js";

export async function answers(folder: string): Promise<Label[]> {
  const model: Model = await fromFolder(folder);
  const predictions: Prediction[] = model.predict(["a", "b"], { threshold: 0.5, outOfScope: true });
  const explanation: Explanation = model.explain("a", { label: model.labels[0] });
  const shares: number[] = explanation.tokens.map(({ attribution }) => attribution);
  const first: number = model.predictProba(["a"])[0][0] + shares[0];
  if (first > 1) throw new ConfigError("no");
  return predictions
    .flatMap(({ scores }) => [...scores.keys()])
    .concat(...model.predictSets(["a"], 0.8));
}

export const loaded: Promise<Model> = fromUrl(new URL("https://example.org/model/"));

// @ts-expect-error: a single string is not a list of texts
export const wrong = async (): Promise<number> => (await loaded).predict(1);
