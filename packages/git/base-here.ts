import { PitayaError } from "@pitaya/protocol";
import { type GitCall, runGit } from "./run-git.ts";

/** Whether the repository of `call` has that commit. */
export async function isHere(commit: string, call: GitCall): Promise<boolean> {
  const { exitCode } = await runGit(["cat-file", "-e", `${commit}^{commit}`], {
    ...call,
    exits: [0, 1, 128],
  });
  return exitCode === 0;
}

export const baseNotHere = (commit: string): PitayaError =>
  new PitayaError(
    "base_not_here",
    `the commit ${commit} that the work starts from is not in this repository`,
    { hint: "import into the repository the run was started in, or fetch that commit first" },
  );

/** @throws {PitayaError} `base_not_here` */
export async function requireBase(commit: string, call: GitCall): Promise<void> {
  if (!(await isHere(commit, call))) throw baseNotHere(commit);
}
