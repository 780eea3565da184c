import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Repository } from "./repository.ts";
import { withRepositoryLock } from "./repository-lock.ts";

/**
 * Has the repository's own exclude file, which is no part of any commit, ignore `pattern`. A second
 * call, also by another process at the same moment, changes nothing.
 *
 * @param pattern one line of gitignore, such as `/.pitaya/`
 */
export async function ensureExcluded(
  repo: Repository,
  pattern: string,
  signal?: AbortSignal,
): Promise<void> {
  const path = join(repo.commonDir, "info", "exclude");
  if (linesOf(await contentOf(path)).includes(pattern)) return;
  const options = { timeoutMs: 60_000, ...(signal === undefined ? {} : { signal }) };
  await withRepositoryLock(repo.commonDir, options, async () => {
    const content = await contentOf(path);
    if (linesOf(content).includes(pattern)) return;
    await mkdir(dirname(path), { recursive: true });
    await appendFile(path, `${content === "" || content.endsWith("\n") ? "" : "\n"}${pattern}\n`);
  });
}

const linesOf = (content: string) => content.split(/\r?\n/);

async function contentOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}
