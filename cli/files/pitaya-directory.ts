import { chmod, mkdir } from "node:fs/promises";
import { isAbsolute, join, relative } from "node:path";
import { ensureExcluded, type Repository } from "@pitaya/git";
import type { Settings } from "../settings/schema.ts";

/** Where a repository's local files lie. All of them can be made again from the store. */
export interface PitayaDirectory {
  /** `.pitaya` of the repository. */
  readonly root: string;
  logs(run: string): string;
  results(run: string): string;
}

/** Makes the repository's `.pitaya/`, private to the user and kept out of `git status`. */
export async function openPitayaDirectory(
  repo: Repository,
  settings: Pick<Settings, "logs_dir" | "results_dir">,
): Promise<PitayaDirectory> {
  const top = repo.topLevel ?? repo.gitDir;
  const root = join(top, ".pitaya");
  if (repo.topLevel !== undefined) await ensureExcluded(repo, "/.pitaya/");
  await mkdir(root, { recursive: true, mode: 0o700 });
  await chmod(root, 0o700);
  const under = (dir: string) => (isAbsolute(dir) ? dir : join(top, dir));
  return {
    root,
    logs: (run) => join(under(settings.logs_dir), run),
    results: (run) => join(under(settings.results_dir), run),
  };
}

/** A path as a person would type it from where they are. */
export function pathFrom(cwd: string, path: string): string {
  const short = relative(cwd, path);
  return short === "" ? "." : short.length < path.length ? short : path;
}
