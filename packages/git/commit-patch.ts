import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { PitayaError } from "@pitaya/protocol";
import { bundleChange } from "./bundle-change.ts";
import {
  DEFAULT_LIMITS,
  type Quarantined,
  type QuarantineLimits,
  quarantine,
} from "./quarantine.ts";
import { type GitCall, gitText, isAnswer, runGit } from "./run-git.ts";
import { type ObjectFormat, writeBareRepository } from "./scratch-repository.ts";

/**
 * Makes a commit of a kept patch (`git diff --binary`, new files included) on top of `onto`. The
 * result is bundled and quarantined like anything else an agent made, so it may be stored or imported.
 * No index and no working tree of anybody's is touched.
 *
 * @param onto the base, or the agent's last commit if it made some before
 * @param objectDirs what holds `onto` and the base
 * @param at the commit's time, milliseconds since 1970: the same patch gives the same commit
 * @param dir a new directory for the objects; the caller removes it when done with the result
 * @throws {PitayaError} `patch_failed` if it does not apply or changes nothing; those of `quarantine`
 */
export async function commitPatch(options: {
  readonly patchPath: string;
  readonly dir: string;
  readonly onto: string;
  readonly baseCommit: string;
  readonly includes?: readonly string[];
  readonly objectDirs: readonly string[];
  readonly shallow: readonly string[];
  readonly objectFormat: ObjectFormat;
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly at: number;
  readonly limits?: Partial<QuarantineLimits>;
  readonly signal?: AbortSignal;
}): Promise<Quarantined> {
  const { patchPath, dir, onto, baseCommit, objectDirs, shallow, objectFormat, signal } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const bench = join(dir, "patch");
  const date = `${Math.floor(options.at / 1000)} +0000`;
  const call: GitCall = {
    cwd: bench,
    gitDir: bench,
    maxMemoryBytes: limits.maxMemoryBytes,
    timeoutMs: limits.timeoutMs,
    env: {
      GIT_INDEX_FILE: join(bench, "index"),
      GIT_AUTHOR_NAME: options.author.name,
      GIT_AUTHOR_EMAIL: options.author.email,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_NAME: options.author.name,
      GIT_COMMITTER_EMAIL: options.author.email,
      GIT_COMMITTER_DATE: date,
    },
    ...(signal === undefined ? {} : { signal }),
  };
  // Fails if it is there: what an error removes must be ours.
  await mkdir(dir);
  try {
    await writeBareRepository(bench, { objectFormat, alternates: objectDirs, shallow });
    await runGit(["read-tree", onto], call);
    const before = await gitText(["rev-parse", `${onto}^{tree}`], call);
    await runGit(["apply", "--cached", "--binary", "--whitespace=nowarn", patchPath], call).catch(
      (error: unknown) => {
        if (!isAnswer(error)) throw error;
        throw new PitayaError("patch_failed", `the patch does not apply: ${error.message}`, {
          cause: error,
        });
      },
    );
    const tree = await gitText(["write-tree"], call);
    if (tree === before) throw new PitayaError("patch_failed", "the patch changes nothing");
    const commit = await gitText(["commit-tree", "-p", onto, tree], {
      ...call,
      input: `${options.message}\n`,
    });
    const bundlePath = join(dir, "patch.bundle");
    const change = {
      baseCommit,
      commit,
      commits: [],
      objectDirs: [join(bench, "objects"), ...objectDirs],
      shallow,
      objectFormat,
    };
    await bundleChange({ ...options, change, path: bundlePath });
    return await quarantine({ ...options, bundlePath, dir: join(dir, "quarantine") });
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  } finally {
    await rm(bench, { recursive: true, force: true });
    await rm(join(dir, "patch.bundle"), { force: true });
  }
}
