import { DEFAULT_LIMITS, makeRunId, ProcessId, type RunSpec } from "@pitaya/protocol";
import { canonicalHash } from "../canonical-hash.ts";

export type Tree = Readonly<Record<string, string>>;

export const BASE_BRANCH = "main";

/** Where the clock of the tests begins, epoch milliseconds. */
export const STARTED_AT_MS = Date.UTC(2026, 0, 2, 3, 4, 5);

const blobOf = (content: unknown) => ({
  writer: ProcessId.parse("test"),
  sha256: canonicalHash(content),
  bytes: 1,
  parts: 1,
  parents: [],
});

/** A branch that holds these files. */
export function sourceOf(branch: string, tree: Tree) {
  const tip = canonicalHash({ branch, tree }).slice(0, 40);
  return { branch, commit: tip, bundles: [{ blob: blobOf(tree), tip, shallow: [] }] };
}

const agentOf = (plugin: string) => ({
  plugin,
  image: "pitaya-agents:latest",
  cliArgs: [],
  credentials: [],
});

/** A run as a test describes it. */
export function sampleSpec(options: {
  readonly strategy: string;
  readonly prompt: string;
  readonly repository: Tree;
  readonly branches: Readonly<Record<string, Tree>>;
  readonly files: Tree;
  readonly plugins: readonly string[];
}): RunSpec {
  const { strategy, prompt, repository, branches, files, plugins } = options;
  return {
    run: makeRunId(new Date(STARTED_AT_MS), "00000001"),
    client: ProcessId.parse("test"),
    submittedAt: new Date(STARTED_AT_MS).toISOString(),
    prompt: { inline: prompt },
    repository: { name: "repository", path: "/repository", objectFormat: "sha1" },
    base: sourceOf(BASE_BRANCH, repository),
    branches: Object.entries(branches).map(([name, tree]) => sourceOf(name, tree)),
    strategy: { name: strategy, params: {} },
    executions: 1,
    agent: agentOf("claude-code"),
    otherAgents: plugins.map(agentOf),
    files: Object.entries(files).map(([name, text]) => ({
      name,
      use: "task" as const,
      path: name.replace(/^\/+/, ""),
      executable: false,
      blob: blobOf(text),
    })),
    limits: DEFAULT_LIMITS,
    network: "online",
    retries: 0,
    forceCommit: false,
    author: { name: "Test", email: "test@example.org" },
    import: { policy: "auto", conflict: "fail", skipEmpty: true, allowProtected: false },
    branchNaming: "hierarchical",
  };
}
