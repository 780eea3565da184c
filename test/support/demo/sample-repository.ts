import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { git } from "./git.ts";

const FILES: Readonly<Record<string, string>> = {
  "README.md": "# Sample\n\nA small project for the Pitaya demo.\n",
  "greet.js": 'export const greet = (name) => "Hello, " + name + "!";\n',
};

/**
 * A repository of one commit, in a directory of its own. The commit is the same each time, so that a
 * runner that has had it before does not fetch it again.
 */
export async function makeSampleRepository(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "pitaya-demo-"));
  for (const [name, content] of Object.entries(FILES)) {
    await writeFile(join(directory, name), content);
  }
  const at = "2026-01-01T00:00:00Z";
  const who = { GIT_AUTHOR_DATE: at, GIT_COMMITTER_DATE: at };
  await git(directory, ["init", "--quiet", "--initial-branch=main"]);
  await git(directory, ["config", "user.name", "Demo"]);
  await git(directory, ["config", "user.email", "demo@pitaya.local"]);
  await git(directory, ["add", "."]);
  await git(directory, ["commit", "--quiet", "--no-gpg-sign", "--message=First"], who);
  return directory;
}
