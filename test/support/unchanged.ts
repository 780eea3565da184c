import { changesBetween, type RepositorySnapshot, snapshotRepository } from "@pitaya/git/testing";

/** All that a run may change in a user's repository. */
const ALLOWED =
  /^(ref refs\/heads\/pitaya\/|ref refs\/notes\/pitaya$|git info\/exclude$|(tree|git) \.pitaya\/|git logs\/refs\/(heads\/pitaya|notes)\/)/;

/** What changed in the repository since `before` that no run may change; empty when all is well. */
export async function forbiddenChanges(
  repository: string,
  before: RepositorySnapshot,
): Promise<string[]> {
  const changed = changesBetween(before, await snapshotRepository(repository));
  return changed.filter((key) => !ALLOWED.test(key));
}
