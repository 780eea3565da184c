import { createHash } from "node:crypto";
import { PitayaError } from "@pitaya/protocol";
import type { WorkGit } from "../ports/work-git.port.ts";
import type { FakeFiles } from "./fake-executor.ts";

/** A bundle that {@link scriptedGit} takes begins so; what follows names what was committed. */
export const SCRIPTED_BUNDLE = "commits ";

/** The one path that nothing stands at, of any commit. */
export const MISSING_FILE = "missing";

/** The commit that a scripted bundle brings. */
export const scriptedCommit = (bundle: Uint8Array): string =>
  createHash("sha1").update(bundle).digest("hex");

/** Stands in for git where agents are scripted: a bundle is one commit, named by its bytes. */
export function scriptedGit(files: FakeFiles): WorkGit {
  const change = (
    bytes: Uint8Array,
    options: Pick<Parameters<WorkGit["quarantine"]>[0], "baseCommit" | "objectDirs" | "shallow"> & {
      readonly objectFormat: "sha1" | "sha256";
    },
  ) => {
    const commit = scriptedCommit(bytes);
    return {
      baseCommit: options.baseCommit,
      commit,
      commits: [commit],
      commitCount: 1,
      tree: commit,
      filesChanged: 1,
      insertions: 1,
      deletions: 0,
      lfsPointersAdded: [],
      objectDirs: options.objectDirs,
      shallow: options.shallow,
      objectFormat: options.objectFormat,
    };
  };
  /** By commit, for what is bundled anew. */
  const bundles = new Map<string, Uint8Array>();

  return {
    async quarantine(options) {
      const bytes = await files.read(options.bundlePath);
      if (!Buffer.from(bytes).toString().startsWith(SCRIPTED_BUNDLE)) {
        throw new PitayaError("bundle_rejected", "The bundle is no scripted one.");
      }
      const passed = change(bytes, options);
      bundles.set(passed.commit, bytes);
      return passed;
    },
    async bundleChange({ change: { commit }, path }) {
      const bytes = bundles.get(commit) ?? Buffer.from(`${SCRIPTED_BUNDLE}${commit}`);
      await files.write(path, bytes);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      return { path, sha256, bytes: bytes.byteLength };
    },
    async *addedContent({ commit }) {
      yield bundles.get(commit) ?? new Uint8Array();
    },
    readFileAt: async ({ commit, path }) =>
      path === MISSING_FILE
        ? { kind: "missing" }
        : { kind: "text", text: `${path} of ${commit}\n` },
    commitPatch: async (options) => change(await files.read(options.patchPath), options),
  };
}
