import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { nodeVersion } from "../settings.mjs";
import { cacheDir } from "./cache-dir.mjs";
import { unpackFromNpm } from "./npm.mjs";
import { makeWorkDir } from "./work-dir.mjs";

/** Major versions from this one on run the project. */
export const nodeMajor = Number.parseInt(nodeVersion, 10);

/**
 * Path of a Node that runs the project: this one, the cached one, or one fetched now.
 * Runs on old Nodes and takes no lock: two that fetch at once both end with the same file.
 *
 * @param {(text: string) => void} say
 * @returns {Promise<string>}
 */
export async function findOrFetchNode(say) {
  if (Number.parseInt(process.versions.node, 10) >= nodeMajor) return process.execPath;
  const home = join(cacheDir(process.env), "tools", `node-${nodeVersion}-${platform()}`);
  const node = join(home, "bin", "node");
  if (existsSync(node)) return node;
  if (!hasPackage()) {
    throw new Error(
      `Pitaya needs Node ${nodeMajor} or later; this is ${process.versions.node}, and npm has no ` +
        `Node ${nodeVersion} for ${platform()} to fetch. Install Node ${nodeMajor} (on macOS: ` +
        `brew install node@${nodeMajor}) and run the command again with it.`,
    );
  }
  const startedAt = Date.now();
  say(`Node ${nodeVersion}: fetching from npm (this is ${process.versions.node}) …`);
  const work = makeWorkDir(cacheDir(process.env));
  try {
    const tarball = await unpackFromNpm(`node-${platform()}@${nodeVersion}`, work, ["bin/node"]);
    rmSync(tarball);
    moveInto(work, home);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  say(`Node ${nodeVersion}: ready in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  return node;
}

/** As npm names it: linux-x64. */
export function platform() {
  return `${process.platform}-${process.arch}`;
}

/** Node's packages on npm: Linux on glibc, two architectures. */
function hasPackage() {
  const report = /** @type {{header: {glibcVersionRuntime?: string}}} */ (
    process.report.getReport()
  );
  return (
    process.platform === "linux" &&
    ["x64", "arm64"].includes(process.arch) &&
    report.header.glibcVersionRuntime !== undefined
  );
}

/**
 * One rename; where another process was first, its result is as good.
 *
 * @param {string} from
 * @param {string} to
 */
export function moveInto(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  try {
    renameSync(from, to);
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
  }
}
