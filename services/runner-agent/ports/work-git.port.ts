import type { addedContent, bundleChange, commitPatch, quarantine } from "@pitaya/git";

/**
 * Git as it looks at what an agent made, on this host and never in the agent's workspace. @pitaya/git
 * is all of it; `testing/scripted-git.ts` stands in where agents and their bundles are scripted.
 */
export interface WorkGit {
  readonly quarantine: typeof quarantine;
  readonly bundleChange: typeof bundleChange;
  readonly addedContent: typeof addedContent;
  readonly commitPatch: typeof commitPatch;
}
