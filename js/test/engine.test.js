// What a user meets: answers, options and errors. Needs a single-label model folder with prediction
// sets and out-of-scope scores, which WAVE_NETWORK_MODEL names; tests/js/test_node.py gives one.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";

import {
  ConfigError,
  DataError,
  fromFiles,
  fromFolder,
  fromUrl,
  ModelFolderError,
} from "../../src/wave_network/export/static/engine/node.js";

const folder = process.env.WAVE_NETWORK_MODEL ?? "";
const TEXT = "Oil prices jump as OPEC cuts output";
let model;

before(async () => {
  model = await fromFolder(folder);
});

/** A model from the folder's files, some of them changed. */
const changed = (change) =>
  fromFiles(async (name) => change(name, new Uint8Array(await readFile(join(folder, name)))));

const withConfig = (change) =>
  changed((name, bytes) => {
    if (name !== "config.json") return bytes;
    const config = JSON.parse(new TextDecoder().decode(bytes));
    change(config);
    return new TextEncoder().encode(JSON.stringify(config));
  });

test("a prediction has a label, a score, and all scores in order", () => {
  const [prediction] = model.predict([TEXT]);
  const scores = [...prediction.scores.values()];
  assert.equal(prediction.label, [...prediction.scores.keys()][0]);
  assert.deepEqual(prediction.labels, [prediction.label]);
  assert.deepEqual(
    scores,
    scores.toSorted((one, other) => other - one),
  );
  assert.ok(Math.abs(scores.reduce((sum, score) => sum + score, 0) - 1) < 1e-6);
  assert.equal(prediction.outOfScope, undefined);
});

test("below the threshold there is no label, but a score", () => {
  const [prediction] = model.predict([TEXT], { threshold: 1 });
  assert.equal(prediction.label, null);
  assert.deepEqual(prediction.labels, []);
  assert.ok(prediction.score > 0.25);
});

test("a text has the same answer alone and after any others", () => {
  const [alone] = model.predictProba([TEXT]);
  // More words than are kept.
  const words = (place) => Array.from({ length: 50 }, (_, word) => `w${place * 50 + word}`);
  const texts = Array.from(
    { length: 3_000 },
    (_, place) => `${words(place).join(" ")} ${"é".repeat(place % 200)}`,
  );
  assert.deepEqual(model.predictProba([...texts, TEXT]).at(-1), alone);
  assert.ok(model.tokenizer.words.size < 50 * 3_000);
});

test("attributions add up to the change of the log-odds", () => {
  const { tokens, logOdds, baseline, score } = model.explain(TEXT);
  const sum = tokens.reduce((before, { attribution }) => before + attribution, 0);
  assert.ok(
    Math.abs(sum - (logOdds - baseline)) < 0.01 * Math.max(1, Math.abs(logOdds - baseline)),
  );
  assert.ok(Math.abs(score - model.predict([TEXT])[0].score) < 1e-6);
  for (const { token, start, end } of tokens) assert.equal(TEXT.slice(start, end), token);
});

test("a set of higher coverage contains those of lower", () => {
  const sets = [0.5, 0.9].map((coverage) => model.predictSets([TEXT], coverage)[0]);
  assert.ok(sets[0].every((label) => sets[1].includes(label)));
});

test("waves have the magnitude that all tokens share", () => {
  const { tokens, dimensions, first } = model.waves(TEXT);
  const size = (token) =>
    Math.hypot(first.real[token * dimensions], first.imag[token * dimensions]);
  assert.equal(tokens[0], "[CLS]");
  tokens.forEach((_, token) => assert.ok(Math.abs(size(token) - size(0)) < 1e-9));
});

test("ten megabytes take no longer than what is read of them", () => {
  const start = performance.now();
  model.predict(["a ".repeat(5_000_000), "x".repeat(10_000_000), "é".repeat(5_000_000)]);
  assert.ok(performance.now() - start < 10_000);
  assert.ok(process.memoryUsage().arrayBuffers < 100_000_000);
});

test("wrong arguments are named", () => {
  assert.throws(
    () => model.predict(TEXT),
    new DataError("give a list of texts, not a single string"),
  );
  assert.throws(() => model.predict([TEXT, 3]), new DataError("text 1 is not a string"));
  assert.throws(() => model.predict([TEXT], { threshold: 2 }), ConfigError);
  assert.throws(() => model.predict([TEXT], { threshold: NaN }), ConfigError);
  assert.throws(() => model.predictSets([TEXT], 1), ConfigError);
  assert.throws(() => model.predictSets([TEXT], 0.9999), /needs more validation texts/);
  assert.throws(() => model.explain(TEXT, { label: "no such" }), DataError);
});

test("a missing, damaged or foreign folder is named", async () => {
  await assert.rejects(fromFolder("/no/such/folder"), /config.json cannot be read: ENOENT/);
  await assert.rejects(
    changed(() => new Uint8Array([123])),
    /config.json is damaged/,
  );
  await assert.rejects(
    changed((name, bytes) => (name === "model.safetensors" ? bytes.fill(7, 9_000, 9_009) : bytes)),
    /model.safetensors is damaged, or of another model/,
  );
  await assert.rejects(
    withConfig((config) => (config.model_type = "bert")),
    ModelFolderError,
  );
  await assert.rejects(
    withConfig((config) => (config.format_version = 99)),
    /newer/,
  );
  await assert.rejects(
    withConfig((config) => (config.quantization = "int2")),
    /unknown quantization/,
  );
  await assert.rejects(
    withConfig((config) => (config.architecture = "toString")),
    ModelFolderError,
  );
  await assert.rejects(
    withConfig((config) => (config.model.hidden_size = 17)),
    /no tensor/,
  );
  await assert.rejects(
    withConfig((config) => (config.model.vocab_size = 300)),
    /different models/,
  );
  await assert.rejects(
    withConfig((config) => (config.model.labels = 3)),
    ModelFolderError,
  );
  await assert.rejects(
    withConfig((config) => (config.model.members = 2 ** 50)),
    ModelFolderError,
  );
  await assert.rejects(
    withConfig((config) => delete config.model),
    ModelFolderError,
  );
});

test("a folder on a server gives the same answers", async () => {
  const asked = [];
  const server = createServer(async ({ url }, response) => {
    asked.push(url);
    response.end(await readFile(join(folder, url.replace("/model/", ""))));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => server.close());
  const other = await fromUrl(`http://127.0.0.1:${server.address().port}/model`);
  assert.deepEqual(other.predictProba([TEXT]), model.predictProba([TEXT]));
  assert.deepEqual(asked.sort(), [
    "/model/config.json",
    "/model/conformal.json",
    "/model/model.safetensors",
    "/model/out_of_scope.safetensors",
    "/model/tokenizer.json",
  ]);
});
