import { baseNotHere, openRepository, resolveBase } from "@pitaya/git";
import { isPitayaError, type RunSpec } from "@pitaya/protocol";
import { openPitayaDirectory, type PitayaDirectory } from "./files/pitaya-directory.ts";
import type { ImportTarget } from "./import/import-instance.ts";
import type { Session } from "./session.ts";

/** The repository a command is about: branches come in there, and local files are kept there. */
export interface LocalPlace extends ImportTarget {
  readonly directory: PitayaDirectory;
}

/**
 * @param scratchDir an existing private directory for temporary files
 * @throws {PitayaError} `not_a_repository`, `repository_unsupported`
 */
export async function openPlace(session: Session, scratchDir: string): Promise<LocalPlace> {
  const repo = await openRepository(session.directory);
  const { logs_dir, results_dir } = session.settings.values;
  const own = (dir: string) => dir.replace(/^~(?=\/|$)/, () => session.host.home);
  const dirs = { logs_dir: own(logs_dir), results_dir: own(results_dir) };
  const directory = await openPitayaDirectory(repo, dirs);
  return { repo, directory, scratchDir };
}

/**
 * The place that a run is to be imported into. One that it cannot come into is left as it is.
 *
 * @throws {PitayaError} `base_not_here`; as {@link openPlace}
 */
export async function placeWithBase(
  session: Session,
  spec: RunSpec,
  scratchDir: string,
): Promise<LocalPlace> {
  const repo = await openRepository(session.directory);
  await resolveBase(repo, spec.base.commit).catch((error: unknown) => {
    throw isPitayaError(error, "base_missing") ? baseNotHere(spec.base.commit) : error;
  });
  return openPlace(session, scratchDir);
}

/**
 * The place for a run that was started somewhere, perhaps here. `undefined`, and said so, where its
 * branches cannot come in: outside of a repository, or in one without the commit it started from.
 *
 * @throws {PitayaError} `not_a_repository` for a `--repo` that is none; `repository_unsupported`
 */
export async function placeFor(
  session: Session,
  spec: RunSpec,
  scratchDir: string,
): Promise<LocalPlace | undefined> {
  try {
    const repo = await openRepository(session.directory);
    await resolveBase(repo, spec.base.commit);
  } catch (error) {
    if (!isPitayaError(error)) throw error;
    const elsewhere = error.code === "not_a_repository" && !session.has("repo");
    if (!elsewhere && error.code !== "base_missing") throw error;
    const why = elsewhere
      ? "this is no repository"
      : `the commit it starts from (${spec.base.commit.slice(0, 12)}) is not in this repository`;
    await session.console.warn(`${why}: the run is shown, and its branches are not imported`);
    return undefined;
  }
  return openPlace(session, scratchDir);
}

/** Whether this is the very repository a run was started in. */
export async function isAtHome(session: Session, spec: RunSpec): Promise<boolean> {
  try {
    const repo = await openRepository(session.directory);
    return (repo.topLevel ?? repo.gitDir) === spec.repository.path;
  } catch (error) {
    if (isPitayaError(error)) return false;
    throw error;
  }
}
