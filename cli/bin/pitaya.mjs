#!/usr/bin/env node
/**
 * Starts `pitaya` with whatever Node called it: goes on in this one where it is recent enough, else
 * in the one set-up found. Runs the bundle; in a clone whose sources have changed since it was
 * made, the sources themselves. Kept small: every start pays for it.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import * as module from "node:module";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const setUpHint = `In ${root} run: npm run setup`;

/** @returns {never} */
function fail(/** @type {string} */ message) {
  process.stderr.write(`pitaya: ${message}\n  ${setUpHint}\n`);
  process.exit(1);
}

/** @typedef {{ node: string, env: Record<string, string> }} SetUpRecord as scripts/setup/record.ts writes it */

/** @returns {SetUpRecord | undefined} */
function readRecord() {
  const file = `${root}node_modules/.pitaya/setup.json`;
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
}

/** What set-up found, where the caller has not said otherwise. */
function addEnvironment(/** @type {SetUpRecord} */ record) {
  for (const [name, value] of Object.entries(record.env)) {
    // What is gone since, an engine of ours that was stopped, must not hide another one.
    const path = value.replace(/^unix:\/\//, "");
    const gone = path.startsWith("/") && !existsSync(path);
    if (process.env[name] === undefined && !gone) process.env[name] = value;
  }
}

/** The module to run: bundled, unless a source it was made from has another size or time now. */
function findProgram() {
  const index = `${root}dist/bundle.json`;
  const source = `${root}cli/main.ts`;
  if (existsSync(index)) {
    const { programs, sources } = JSON.parse(readFileSync(index, "utf8"));
    if (!existsSync(source) || sources.every(isUnchanged)) return `${root}dist/${programs.pitaya}`;
  }
  if (!existsSync(source)) fail("neither a bundle nor sources are here.");
  // pnpm's last word in an install.
  if (!existsSync(`${root}node_modules/.modules.yaml`)) fail("its dependencies are not installed.");
  return source;
}

function isUnchanged(/** @type {[string, number, number]} */ [path, bytes, modifiedMs]) {
  const found = statSync(root + path, { throwIfNoEntry: false });
  return found?.size === bytes && found.mtimeMs === modifiedMs;
}

const record = readRecord();
if (record) addEnvironment(record);
if (Number.parseInt(process.versions.node, 10) >= 24) {
  module.enableCompileCache(`${root}node_modules/.pitaya/compile-cache`);
  await import(findProgram());
} else if (record && existsSync(record.node)) {
  const { mirrorChild } = await import("./mirror-child.mjs");
  mirrorChild(record.node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], process.env);
} else {
  fail(`needs Node 24 or later; this is ${process.versions.node}, and set-up has not run.`);
}
