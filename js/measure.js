// Measure this engine: node measure.js MODEL [TEXTS]
//
// Prints the size of the engine, how long a model takes to load, and how many texts a second it
// predicts on one core. TEXTS has a JSON list of strings; without it, the time of loading is all.
// The times are those of this process's processor (`user` of getrusage), and of the clock.

import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { fromFolder } from "../src/wave_network/export/static/engine/node.js";

const ENGINE = new URL("../src/wave_network/export/static/engine/", import.meta.url);
const ROUNDS = 5;

async function size() {
  const names = readdirSync(ENGINE).filter((name) => name.endsWith(".js") && name !== "node.js");
  const sources = names.map((name) => readFileSync(new URL(name, ENGINE)));
  console.log(`sources, gzipped: ${gzipSync(Buffer.concat(sources)).length} bytes`);
  try {
    const { build } = await import("esbuild");
    const entryPoints = [new URL("index.js", ENGINE).pathname];
    const { outputFiles } = await build({
      entryPoints,
      bundle: true,
      minify: true,
      format: "esm",
      write: false,
    });
    const [{ contents }] = outputFiles;
    console.log(`minified: ${contents.length} bytes; gzipped: ${gzipSync(contents).length}`);
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    console.log("minified: not measured, as esbuild is missing: npm install");
  }
}

async function timed(name, count, work) {
  for (let round = 1; round <= ROUNDS; round++) {
    const [start, usage] = [performance.now(), process.cpuUsage()];
    await work();
    const [wall, cpu] = [performance.now() - start, process.cpuUsage(usage).user / 1000];
    const rate = (time) => (count ? `, ${Math.round((1000 * count) / time)} texts/s` : "");
    const times = `${wall.toFixed(1)} ms${rate(wall)}; processor ${cpu.toFixed(1)} ms${rate(cpu)}`;
    console.log(`${name}, round ${round}: ${times}`);
  }
}

const [folder, path] = process.argv.slice(2);
await size();
if (folder) {
  let model;
  await timed("load", 0, async () => (model = await fromFolder(folder)));
  if (path) {
    const texts = JSON.parse(readFileSync(path, "utf8"));
    await timed("predict", texts.length, () => model.predict(texts));
  }
}
