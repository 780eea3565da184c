import type { addedContent, bundleChange, commitPatch, quarantine, readFileAt } from "@pitaya/git";

/**
 * Git as it looks at what an agent made, on this host and never in the agent's workspace. @pitaya/git
 * is all of it; `testing/scripted-git.ts` stands in where agents and their bundles are scripted.
 */
export interface WorkGit {
  readonly quarantine: typeof quarantine;
  readonly bundleChange: typeof bundleChange;
  readonly addedContent: typeof addedContent;
  readonly readFileAt: typeof readFileAt;
  readonly commitPatch: typeof commitPatch;
}
