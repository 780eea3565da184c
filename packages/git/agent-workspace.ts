import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { emptyRepository, testGit } from "./odd-repository.ts";
import type { StoredPack } from "./store-pack.ts";
import type { OutgoingBundle } from "./write-bundle.ts";

/**
 * A workspace as a runner makes one, over stored packs: alternates, the base's branch checked out, no
 * remote. For tests: the product's own is filled inside a container.
 */
export async function agentWorkspace(
  dir: string,
  sent: OutgoingBundle,
  pack: StoredPack,
  branch: string,
): Promise<string> {
  await emptyRepository(dir, sent);
  const git = join(dir, ".git");
  await writeFile(join(git, "objects", "info", "alternates"), `${pack.objectDirs.join("\n")}\n`);
  if (sent.shallow.length > 0)
    await writeFile(join(git, "shallow"), `${sent.shallow.join("\n")}\n`);
  await testGit(dir, ["checkout", "--quiet", "-B", branch, sent.tip]);
  return dir;
}

/** What an agent does: `files` written and committed. A value of `null` removes the file. */
export async function commitFiles(
  workspace: string,
  files: Readonly<Record<string, string | null>>,
  message = "agent's work",
): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(workspace, name);
    if (content === null) await rm(path);
    else {
      await mkdir(join(path, ".."), { recursive: true });
      await writeFile(path, content);
    }
  }
  await testGit(workspace, ["add", "--all"]);
  await testGit(workspace, ["commit", "--quiet", "--allow-empty", `--message=${message}`]);
  return await testGit(workspace, ["rev-parse", "HEAD"]);
}

/** What the harvest does. */
export async function bundleWork(
  workspace: string,
  path: string,
  revisions: readonly string[],
): Promise<string> {
  await testGit(workspace, ["bundle", "create", "--quiet", path, ...revisions]);
  return path;
}
