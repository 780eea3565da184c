import { fileURLToPath } from "node:url";
import { mirrorChild } from "../../cli/bin/mirror-child.mjs";
import { findOrFetchNode } from "./node.mjs";

/**
 * Goes on in a script of the second stage, which is TypeScript and needs a recent Node. Everything
 * in `boot/` and the scripts a person types run on Node 18, with nothing installed.
 *
 * @param {string} script path below scripts/
 * @param {readonly string[]} args
 * @param {(error: Error) => void} onFailure says what went wrong before the script could run
 */
export async function handOver(script, args, onFailure) {
  try {
    const node = await findOrFetchNode((text) => process.stderr.write(`set-up: ${text}\n`));
    const file = fileURLToPath(new URL(`../${script}`, import.meta.url));
    // Node 24's earlier minors warn of type stripping and of node:sqlite.
    mirrorChild(node, ["--disable-warning=ExperimentalWarning", file, ...args], process.env);
  } catch (error) {
    onFailure(/** @type {Error} */ (error));
    process.exitCode = 1;
  }
}
