import { chmod, mkdir } from "node:fs/promises";
import { isAbsolute, join, relative } from "node:path";
import { ensureExcluded, type Repository } from "@pitaya/git";
import { errorRecord, isDiskFull, PitayaError } from "@pitaya/protocol";
import type { Settings } from "../settings/schema.ts";
import { isLink, refuseWhereItLeads } from "./where-it-leads.ts";

/** Where a repository's local files lie. All of them can be made again from the store. */
export interface PitayaDirectory {
  /** `.pitaya` of the repository. */
  readonly root: string;
  logs(run: string): string;
  results(run: string): string;
}

/**
 * Makes the repository's `.pitaya/`, private to the user and kept out of `git status`.
 *
 * @throws {PitayaError} `repository_unsupported` where it cannot be made, or where it or one of the two
 *   directories leads elsewhere than it says; `disk_full`
 */
export async function openPitayaDirectory(
  repo: Repository,
  settings: Pick<Settings, "logs_dir" | "results_dir">,
): Promise<PitayaDirectory> {
  const top = repo.topLevel ?? repo.gitDir;
  const root = join(top, ".pitaya");
  const under = (dir: string) => (isAbsolute(dir) ? dir : join(top, dir));
  const logs = under(settings.logs_dir);
  const results = under(settings.results_dir);
  await refuseLink(root);
  if (repo.topLevel !== undefined) {
    await refuseWhereItLeads(repo, repo.topLevel, "logs_dir", logs);
    await refuseWhereItLeads(repo, repo.topLevel, "results_dir", results);
    await ensureExcluded(repo, "/.pitaya/");
  }
  await makeDirectory(root);
  return { root, logs: (run) => join(logs, run), results: (run) => join(results, run) };
}

/** A link would be somebody else's choice of where to write: it comes with a clone. */
async function refuseLink(path: string): Promise<void> {
  if (!(await isLink(path))) return;
  throw new PitayaError("repository_unsupported", `${path} is a link`, {
    hint: "Pitaya keeps its local files in a directory of that name: remove the link. logs_dir and results_dir of your own configuration can name places elsewhere.",
  });
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
  } catch (error) {
    const taken = isTaken(error);
    const why = taken ? "is not a directory" : `cannot be made: ${errorRecord(error).message}`;
    throw new PitayaError(
      isDiskFull(error) ? "disk_full" : "repository_unsupported",
      `${path} ${why}`,
      {
        cause: error,
        hint: taken
          ? "Pitaya keeps its local files in a directory of that name: move what is there away."
          : "Pitaya keeps its local files there: make room for it, or let this user write there.",
      },
    );
  }
}

const isTaken = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  (error.code === "EEXIST" || error.code === "ENOTDIR");

/** A path as a person would type it from where they are. */
export function pathFrom(cwd: string, path: string): string {
  const short = relative(cwd, path);
  return short === "" ? "." : short.length < path.length ? short : path;
}
