import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { testGit } from "@pitaya/git/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cast, commitsFile } from "../support/model-server/cast.ts";
import { branchesOf } from "../support/pitaya.ts";
import { embeddedStack, type Stack } from "../support/stack.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await embeddedStack();
});
afterAll(() => stack.leave());

it("an example runs as it stands: its second stage has the first one's work before it", async () => {
  const { user, repository, modelFor } = stack;
  const cwd = await repository();
  const example = join(import.meta.dirname, "../../examples/propose_refine.ts");
  await copyFile(example, join(cwd, "propose_refine.ts"));
  const { scenario } = cast({
    refine: {
      hears: /^Clearer names/,
      plays: () => [
        { bash: "cat answer.txt" },
        commitsFile("more.txt", "more\n"),
        { text: "Done." },
      ],
    },
    propose: {
      hears: /write the answer/,
      plays: () => [commitsFile("answer.txt", "right\n"), { text: "Done." }],
    },
  });
  const { url } = modelFor(scenario);
  const told = ["write the answer", "--strategy", "./propose_refine.ts"];
  const flags = ["-S", "refine_hint=Clearer names", "--no-tui", "--base-url", url];
  const { code, stdout, stderr } = await user.run([...told, ...flags], { cwd });
  expect(stderr + stdout).not.toMatch(/error/i);
  expect(code).toBe(0);
  const branches = await branchesOf(cwd);
  const files = await Promise.all(
    branches.map((branch) => testGit(cwd, ["ls-tree", "--name-only", branch])),
  );
  const both = files.filter((names) => /answer\.txt/.test(names) && /more\.txt/.test(names));
  // The refined branch, and its name as the chosen one.
  expect(both).toHaveLength(2);
  expect(branches.some((branch) => branch.endsWith("/best"))).toBe(true);
});
