import type { WorkspaceSpec } from "../../ports/executor.port.ts";
import { type Naming, shortHash } from "./names.ts";
import { packMounts } from "./packs.ts";
import { PLACE } from "./places.ts";
import type { FillJob } from "./stored-volumes.ts";

/** Names a checkout: workspaces that would look the same share it. */
export const checkoutKey = (workspace: WorkspaceSpec, script: string): string =>
  shortHash(
    JSON.stringify([
      script,
      workspace.objectFormat,
      workspace.commit,
      workspace.branch,
      workspace.includes.map(({ branch, commit }) => [branch, commit]),
      workspace.packs.toSorted(),
      workspace.shallow.toSorted(),
      workspace.author.name,
      workspace.author.email,
    ]),
    32,
  );

/** How a commit becomes the volume of a checkout. */
export function checkoutJob(naming: Naming, script: string, workspace: WorkspaceSpec): FillJob {
  const shallow = workspace.shallow.map((commit) => `${commit}\n`).join("");
  const refs = [{ branch: workspace.branch, commit: workspace.commit }, ...workspace.includes]
    .map(({ branch, commit }) => `update refs/heads/${branch} ${commit}\n`)
    .join("");
  return {
    what: `Checking out ${workspace.commit.slice(0, 12)}`,
    script,
    at: PLACE.checkout,
    args: [
      workspace.objectFormat,
      workspace.commit,
      workspace.branch,
      workspace.author.name,
      workspace.author.email,
      String(shallow.length),
      String(Buffer.byteLength(refs)),
      ...workspace.packs.map(PLACE.pack),
    ],
    mounts: packMounts(naming, workspace.packs),
    input: [shallow, refs],
  };
}
