import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gitLines, runGit } from "./run-git.ts";

/** A bundle's tip that the store already holds. */
export interface KnownTip {
  readonly commit: string;
  /** The shallow boundary it was sent with, as `writeBundle` gave it. */
  readonly shallow: readonly string[];
}

/** A bare repository that sees the objects in question, and nothing else that uses its refs. */
export interface Workbench {
  readonly dir: string;
  readonly signal?: AbortSignal;
}

const callIn = ({ dir, signal }: Workbench) => ({
  cwd: dir,
  gitDir: dir,
  ...(signal === undefined ? {} : { signal }),
});

/**
 * The commits among `shallow` that the history of `tip` reaches, sorted. In a shallow repository
 * these are the only commits without parents besides true roots.
 */
export async function boundaryOf(
  bench: Workbench,
  tip: string,
  shallow: readonly string[],
): Promise<string[]> {
  if (shallow.length === 0) return [];
  const boundary = new Set(shallow);
  const roots = await gitLines(["rev-list", "--max-parents=0", tip], callIn(bench));
  return roots.filter((id) => boundary.has(id)).sort();
}

/**
 * The nearest of `known` to build on: an ancestor of `tip` with the fewest commits between, whose
 * boundary is still what the store has. (In a clone that was deepened since, the difference would
 * leave out older commits that the store lacks.)
 */
export async function nearestKnownTip(
  bench: Workbench,
  tip: string,
  known: readonly KnownTip[],
  shallow: readonly string[],
): Promise<KnownTip | undefined> {
  if (known.length === 0) return undefined;
  const isAsSent = async ({ commit, shallow: then }: KnownTip) =>
    (await boundaryOf(bench, commit, shallow)).join() === [...then].sort().join();
  const itself = known.find(({ commit }) => commit === tip);
  if (itself !== undefined && (await isAsSent(itself))) return itself;

  const others = new Map(
    known.filter((each) => each !== itself).map((each) => [each.commit, each]),
  );
  const usable: KnownTip[] = [];
  for (const commit of await ancestorsAmong(bench, tip, [...others.keys()])) {
    const candidate = others.get(commit);
    if (candidate !== undefined && (await isAsSent(candidate))) usable.push(candidate);
  }
  if (usable.length < 2) return usable[0];

  // Of tips in one line only the topmost is next to commits that are not yet known.
  const lines = await gitLines(
    ["rev-list", "--boundary", tip, "--not", ...usable.map(({ commit }) => commit)],
    callIn(bench),
  );
  const edge = new Set(lines.filter((line) => line.startsWith("-")).map((line) => line.slice(1)));
  let nearest: { readonly tip: KnownTip; readonly distance: number } | undefined;
  for (const candidate of usable.filter(({ commit }) => edge.has(commit))) {
    const [count] = await gitLines(
      ["rev-list", "--count", tip, `^${candidate.commit}`],
      callIn(bench),
    );
    const distance = Number(count);
    if (nearest === undefined || distance < nearest.distance)
      nearest = { tip: candidate, distance };
  }
  return nearest?.tip;
}

/** One process for any number of candidates: they become refs of the bench for a moment. */
async function ancestorsAmong(
  bench: Workbench,
  tip: string,
  candidates: readonly string[],
): Promise<string[]> {
  if (candidates.length === 0) return [];
  const { stdout } = await runGit(["cat-file", "--batch-check=%(objectname) %(objecttype)"], {
    ...callIn(bench),
    input: `${candidates.join("\n")}\n`,
  });
  const here = stdout
    .toString("utf8")
    .split("\n")
    .filter((line) => line.endsWith(" commit"))
    .map((line) => line.slice(0, line.indexOf(" ")));
  if (here.length === 0) return [];
  const packedRefs = join(bench.dir, "packed-refs");
  const refs = here.map((id) => `${id} refs/known/${id}`);
  await writeFile(packedRefs, `${refs.join("\n")}\n`);
  try {
    return await gitLines(
      ["for-each-ref", `--merged=${tip}`, "--format=%(objectname)", "refs/known"],
      callIn(bench),
    );
  } finally {
    await rm(packedRefs);
  }
}
