import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isProtectedBranch, isRefName, isSafeBranchName } from "./branch-name.rules.ts";
import { runGit } from "./run-git.ts";
import { useTemporaryDirectory } from "./temporary-directory.ts";
import { emptyRepository } from "./testing.ts";

const path = useTemporaryDirectory();

/** Names made of what the rules are about, more than of letters. */
const name = fc
  .array(
    fc.constantFrom(
      ..."ab/.@{}~^:?*[\\ -_\n\t\x7f,;'\"|&$()<>!ü漢",
      ..."/./../.lock/@{/HEAD/refs/heads/origin/-/.a/a./".split("/"),
      "/",
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(""));

describe("isRefName", () => {
  it("agrees with git", async () => {
    const dir = await emptyRepository(path("repository"));
    await fc.assert(
      fc.asyncProperty(name, async (branch) => {
        const { exitCode } = await runGit(["check-ref-format", `refs/heads/${branch}`], {
          cwd: dir,
          exits: [0, 1],
        });
        // A name of one "@" is a ref of that name to git, and HEAD to everything a person types.
        if (branch !== "@") expect(isRefName(branch)).toBe(exitCode === 0);
      }),
      { numRuns: 60 },
    );
  });
});

describe("isSafeBranchName", () => {
  it("takes the names that Pitaya makes", () => {
    for (const branch of [
      "pitaya/simple/run_20260101_120000_0123abcd/k01234567",
      "pitaya-simple-run_20260101_120000_0123abcd-k01234567",
      "pitaya/best-of-n/run_20260101_120000_0123abcd/best-2",
      "größe/漢字",
    ]) {
      expect(isSafeBranchName(branch), branch).toBe(true);
    }
  });

  it("takes none that means something else to git, or fits in no file system", () => {
    for (const branch of ["HEAD", "-d", "@", "refs/heads/x", "origin/x", "x/", "/x", "a//b"]) {
      expect(isSafeBranchName(branch), branch).toBe(false);
    }
    expect(isSafeBranchName("x".repeat(200))).toBe(true);
    expect(isSafeBranchName("x".repeat(201))).toBe(false);
    expect(isSafeBranchName("漢".repeat(67))).toBe(false);
    expect(isSafeBranchName("\ud800")).toBe(false);
  });

  it("takes only ref names", () => {
    fc.assert(fc.property(name, (branch) => !isSafeBranchName(branch) || isRefName(branch)));
  });
});

describe("isProtectedBranch", () => {
  it("knows the branches that people share", () => {
    for (const branch of ["main", "master", "develop", "stable", "release/1", "hotfix/a/b"]) {
      expect(isProtectedBranch(branch), branch).toBe(true);
    }
    for (const branch of ["main2", "x/main", "release", "releases/1", "pitaya/release/1"]) {
      expect(isProtectedBranch(branch), branch).toBe(false);
    }
  });
});
