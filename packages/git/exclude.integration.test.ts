import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ensureExcluded } from "./exclude.ts";
import { openRepository } from "./repository.ts";
import { useTemporaryDirectory } from "./temporary-directory.ts";
import { emptyRepository, testGit } from "./testing.ts";

const path = useTemporaryDirectory();

async function repository() {
  const dir = await emptyRepository(path("repository"));
  const repo = await openRepository(dir);
  const exclude = join(repo.commonDir, "info", "exclude");
  return { dir, repo, exclude };
}

describe("ensureExcluded", () => {
  it("adds its line once, also when called ten times at once and without the file", async () => {
    const { dir, repo, exclude } = await repository();
    await Promise.all(Array.from({ length: 10 }, () => ensureExcluded(repo, "/.pitaya/")));
    expect(await readFile(exclude, "utf8")).toBe("/.pitaya/\n");
    await mkdir(join(dir, ".pitaya"));
    await writeFile(join(dir, ".pitaya", "x"), "");
    expect(await testGit(dir, ["status", "--porcelain"])).toBe("");
  });

  it("leaves what is there as it is", async () => {
    const { repo, exclude } = await repository();
    await mkdir(join(exclude, ".."), { recursive: true });
    for (const [before, after] of [
      ["# mine\n*.o", "# mine\n*.o\n/.pitaya/\n"],
      ["*.o\r\n/.pitaya/\r\n", "*.o\r\n/.pitaya/\r\n"],
      ["/.pitaya/x\n", "/.pitaya/x\n/.pitaya/\n"],
    ] as const) {
      await rm(exclude, { force: true });
      await writeFile(exclude, before);
      await ensureExcluded(repo, "/.pitaya/");
      expect(await readFile(exclude, "utf8")).toBe(after);
    }
  });

  it("serves every working tree", async () => {
    const { dir, exclude } = await repository();
    await testGit(dir, ["commit", "--quiet", "--allow-empty", "--message=x"]);
    const linked = path("linked");
    await testGit(dir, ["worktree", "add", "--quiet", linked]);
    await ensureExcluded(await openRepository(linked), "/.pitaya/");
    expect(await readFile(exclude, "utf8")).toBe("/.pitaya/\n");
    await mkdir(join(linked, ".pitaya"));
    await writeFile(join(linked, ".pitaya", "x"), "");
    expect(await testGit(linked, ["status", "--porcelain"])).toBe("");
  });
});
