import { execFileSync } from "node:child_process";
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bus } from "@pitaya/bus";
import type { Fact } from "@pitaya/protocol";
import { madeCommits } from "@pitaya/views/testing";

/** A real repository with one commit, as a user has it. */
export interface UserRepository {
  readonly path: string;
  git(...args: readonly string[]): string;
  write(file: string, content: string): void;
  readonly head: string;
  remove(): void;
}

const IDENTITY = {
  GIT_AUTHOR_NAME: "Ada",
  GIT_AUTHOR_EMAIL: "ada@example.org",
  GIT_COMMITTER_NAME: "Ada",
  GIT_COMMITTER_EMAIL: "ada@example.org",
  GIT_AUTHOR_DATE: "2026-01-01T00:00:00Z",
  GIT_COMMITTER_DATE: "2026-01-01T00:00:00Z",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
};

const gitIn = (cwd: string, args: readonly string[]): string =>
  execFileSync("git", [...args], {
    cwd,
    env: { ...process.env, ...IDENTITY },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();

/** @param title another one makes another first commit */
export function userRepository(title = "demo"): UserRepository {
  const path = mkdtempSync(join(tmpdir(), "pitaya-test-repo-"));
  const git = (...args: readonly string[]) => gitIn(path, args);
  git("init", "-q", "-b", "main");
  writeFileSync(join(path, "README.md"), `# ${title}\n`);
  git("add", "-A");
  git("commit", "-q", "-m", "first");
  return {
    path,
    git,
    write: (file, content) => writeFileSync(join(path, file), content),
    get head() {
      return git("rev-parse", "HEAD");
    },
    remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

type Succeeded = Extract<Fact, { type: "attempt.succeeded" }>;

/** An agent's work on a clone of the repository: one commit, bundled and put into the store. */
export const agentWork = (
  repository: UserRepository,
  bus: Bus,
  file: string,
  content: string,
): Promise<Succeeded> =>
  inClone(repository, file, content, (git, dir) =>
    committed(git, dir, bus, { since: repository.head, file }),
  );

/** The work of two agents, the second of which began where the first ended. */
export const stackedWork = (
  repository: UserRepository,
  bus: Bus,
  files: readonly [string, string],
): Promise<readonly [Succeeded, Succeeded]> =>
  inClone(repository, files[0], "first\n", async (git, dir) => {
    const first = await committed(git, dir, bus, { since: repository.head, file: files[0] });
    writeFileSync(join(dir, "work", files[1]), "second\n");
    const since = git("rev-parse", "HEAD");
    return [first, await committed(git, dir, bus, { since, file: files[1] })];
  });

async function committed(
  git: UserRepository["git"],
  dir: string,
  bus: Bus,
  { since, file }: { readonly since: string; readonly file: string },
): Promise<Succeeded> {
  git("add", "-A");
  git("commit", "-q", "-m", `write ${file}`);
  const commit = git("rev-parse", "HEAD");
  const bundle = join(dir, `${commit}.bundle`);
  git("bundle", "create", "-q", bundle, `${since}..HEAD`);
  const blob = await bus.blobs.put(() => createReadStream(bundle));
  return madeCommits({
    work: { commit, commits: 1, filesChanged: 1, insertions: 1, deletions: 0 },
    bundle: { blob, tip: commit, shallow: [] },
  });
}

/** Work that was not committed: a patch in the store. */
export const agentPatch = (
  repository: UserRepository,
  bus: Bus,
  file: string,
  content: string,
): Promise<Succeeded> =>
  inClone(repository, file, content, async (git) => {
    git("add", "-A", "-N");
    const patch = `${git("diff", "--binary", "HEAD")}\n`;
    const blob = await bus.blobs.put(async function* () {
      yield Buffer.from(patch);
    });
    const { work: _none, ...fact } = madeCommits({ uncommitted: true, patch: blob });
    return fact;
  });

/** Works in a clone with this file written, which is gone afterwards. */
async function inClone<T>(
  repository: UserRepository,
  file: string,
  content: string,
  work: (git: UserRepository["git"], dir: string) => Promise<T>,
): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), "pitaya-test-agent-"));
  try {
    gitIn(dir, ["clone", "-q", repository.path, "work"]);
    const path = join(dir, "work");
    writeFileSync(join(path, file), content);
    return await work((...args) => gitIn(path, args), dir);
  } finally {
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
