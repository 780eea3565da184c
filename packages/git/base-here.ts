import { PitayaError } from "@pitaya/protocol";
import { type GitCall, runGit } from "./run-git.ts";

/**
 * @throws {PitayaError} `base_not_here` if the repository of `call` has no commit of that id
 */
export async function requireBase(commit: string, call: GitCall): Promise<void> {
  const { exitCode } = await runGit(["cat-file", "-e", `${commit}^{commit}`], {
    ...call,
    exits: [0, 1, 128],
  });
  if (exitCode === 0) return;
  throw new PitayaError(
    "base_not_here",
    `the commit ${commit} that the work starts from is not in this repository`,
    { hint: "import into the repository the run was started in, or fetch that commit first" },
  );
}
