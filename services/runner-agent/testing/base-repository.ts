import { cp, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bus } from "@pitaya/bus";
import { openRepository, storePack, writeBundle } from "@pitaya/git";
import { bundleWork, commitFiles, testGit } from "@pitaya/git/testing";
import type { BranchSource } from "@pitaya/protocol";

/** A small repository as a run begins with, and what agents make of it. */
export interface BaseRepository {
  readonly commit: string;
  /** Puts the base into the blob store, as the cli does at submit. */
  publish(bus: Pick<Bus, "blobs">): Promise<BranchSource>;
  /** Leaves it in a runner's state directory as that runner would keep it, without the work of it. */
  seed(stateDir: string): Promise<void>;
  /** What the harvest brings when an agent has committed these files, one commit each. */
  bundleOf(files: Readonly<Record<string, string>>): Promise<Uint8Array>;
  /** What it brings when an agent leaves these files uncommitted. */
  patchOf(files: Readonly<Record<string, string>>): Promise<Uint8Array>;
}

export async function baseRepository(dir: string): Promise<BaseRepository> {
  const source = join(dir, "source");
  await mkdir(source, { recursive: true });
  await testGit(source, ["init", "--quiet", "--initial-branch=main"]);
  const commit = await commitFiles(source, { "README.md": "# base\n" }, "base");
  const sent = await writeBundle({
    repo: await openRepository(source),
    commit,
    known: [],
    path: join(dir, "base.bundle"),
  });
  if (sent.kind !== "written") throw new Error("a first bundle is written");
  const bytes = await readFile(sent.path);
  const kept = join(dir, "packs");
  await storePack({
    bundlePath: sent.path,
    dir: join(kept, sent.sha256),
    tip: commit,
    objectFormat: "sha1",
    parents: [],
    shallow: [],
  });
  const made = new Map<string, Promise<Uint8Array>>();
  let works = 0;

  /** Several tests of a file want the same work; git makes it once. */
  const once = (what: string, files: object, make: () => Promise<Uint8Array>) => {
    const key = `${what} ${JSON.stringify(files)}`;
    const known = made.get(key) ?? make();
    made.set(key, known);
    return known;
  };

  async function workspace(): Promise<string> {
    works += 1;
    const work = join(dir, `work-${works}`);
    await testGit(dir, ["clone", "--quiet", source, work]);
    return work;
  }

  return {
    commit,
    async publish({ blobs }) {
      const blob = await blobs.put(async function* () {
        yield bytes;
      });
      return { branch: "main", commit, bundles: [{ blob, tip: commit, shallow: [] }] };
    },
    seed: (stateDir) => cp(kept, join(stateDir, "packs"), { recursive: true }),
    bundleOf: (files) =>
      once("bundle", files, async () => {
        const work = await workspace();
        for (const [path, text] of Object.entries(files)) {
          await commitFiles(work, { [path]: text }, `add ${path}`);
        }
        return readFile(await bundleWork(work, `${work}.bundle`, ["HEAD", `^${commit}`]));
      }),
    patchOf: (files) =>
      once("patch", files, async () => {
        const work = await workspace();
        await commitFiles(work, files);
        const patch = await testGit(work, ["diff", "--binary", commit, "HEAD"]);
        return Buffer.from(`${patch}\n`);
      }),
  };
}
