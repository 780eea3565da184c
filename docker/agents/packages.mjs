import { mkdirSync, renameSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Where one of the programs in the image comes from. Paths on the left are inside of the npm package,
 * on the right below /usr/local. None is installed by npm: no script runs, and what is not needed
 * (a shim in front of a native program, a second build of it) does not come along.
 *
 * @typedef {{
 *   spec: string,
 *   files: Readonly<Record<string, string>>,
 *   links?: Readonly<Record<string, string>>,
 * }} AgentPackage
 */

/** @type {Readonly<Record<string, (version: string, arch: string) => AgentPackage>>} */
const packages = {
  // Gemini's CLI is JavaScript.
  node: (version, arch) => ({
    spec: `node-linux-${arch}@${version}`,
    files: { "bin/node": "bin/node" },
  }),
  "claude-code": (version, arch) => ({
    spec: `@anthropic-ai/claude-code-linux-${arch}@${version}`,
    files: { claude: "bin/claude" },
  }),
  // Its parts find each other by where they lie. The voice host is left out.
  codex(version, arch) {
    const vendor = `vendor/${arch === "arm64" ? "aarch64" : "x86_64"}-unknown-linux-musl`;
    const parts = ["codex-package.json", "bin", "codex-path", "codex-resources/bwrap"];
    return {
      spec: `@openai/codex@${version}-linux-${arch}`,
      files: Object.fromEntries(parts.map((part) => [`${vendor}/${part}`, `lib/codex/${part}`])),
      links: { "bin/codex": "../lib/codex/bin/codex" },
    };
  },
  "gemini-cli": (version) => ({
    spec: `@google/gemini-cli@${version}`,
    files: { "package.json": "lib/gemini-cli/package.json", bundle: "lib/gemini-cli/bundle" },
    links: { "bin/gemini": "../lib/gemini-cli/bundle/gemini.js" },
  }),
  // The build that runs on every x64 processor; npm brings both.
  opencode: (version, arch) => ({
    spec: `opencode-linux-${arch}${arch === "x64" ? "-baseline" : ""}@${version}`,
    files: { "bin/opencode": "bin/opencode" },
  }),
};

/**
 * @param {string} name as in versions.json
 * @param {string} version
 * @param {string} arch as Node names it: x64, arm64
 * @returns {AgentPackage}
 */
export function agentPackage(name, version, arch) {
  const found = packages[name];
  if (!found) throw new Error(`versions.json names ${name}, which packages.mjs does not know`);
  return found(version, arch);
}

/**
 * Makes the tree below /usr/local from an unpacked package.
 *
 * @param {AgentPackage} of
 * @param {string} from
 * @param {string} to same file system
 */
export function arrange({ files, links = {} }, from, to) {
  for (const [path, target] of Object.entries(files)) {
    mkdirSync(dirname(join(to, target)), { recursive: true });
    renameSync(join(from, path), join(to, target));
  }
  for (const [path, target] of Object.entries(links)) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    symlinkSync(target, join(to, path));
  }
}
