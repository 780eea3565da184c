export { addedContent } from "./added-content.ts";
export { type Base, resolveBase } from "./base.ts";
export { baseNotHere } from "./base-here.ts";
export { isProtectedBranch, isSafeBranchName } from "./branch-name.rules.ts";
export { type BranchState, branchState } from "./branch-state.ts";
export { bundleChange } from "./bundle-change.ts";
export type { BundleFile } from "./bundle-file.ts";
export { BUNDLE_REF } from "./bundle-header.ts";
export { commitPatch } from "./commit-patch.ts";
export { ensureExcluded } from "./exclude.ts";
export type { ImportConflict, ImportPolicy, Refusal, Refused } from "./import.rules.ts";
export { type ImportResult, importBranch, noChange } from "./import-branch.ts";
export type { KnownTip } from "./known-tip.ts";
export { missingPaths } from "./missing-paths.ts";
export { missingRefs } from "./missing-refs.ts";
export { NOTES_REF, type Origin, type Provenance } from "./provenance.ts";
export {
  type Change,
  DEFAULT_LIMITS,
  type Quarantined,
  type QuarantineLimits,
  quarantine,
} from "./quarantine.ts";
export { type FileRead, type ReadFileOptions, readFileAt } from "./read-file.ts";
export type { RejectionReason } from "./rejection.ts";
export { isDirty, openRepository, type Repository } from "./repository.ts";
export type { ObjectFormat } from "./scratch-repository.ts";
export { type StoredPack, storePack } from "./store-pack.ts";
export { isTracked } from "./tracked.ts";
export { type OutgoingBundle, writeBundle } from "./write-bundle.ts";
