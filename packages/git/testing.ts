export { agentWorkspace, bundleWork, commitFiles } from "./agent-workspace.ts";
export {
  emptyRepository,
  ODD_KINDS,
  type OddKind,
  type OddRepository,
  OTHER_BRANCH_SECRET,
  oddRepository,
  testGit,
} from "./odd-repository.ts";
export {
  changesBetween,
  type RepositorySnapshot,
  snapshotRepository,
} from "./snapshot-repository.ts";
