import { DEFAULT_LIMITS, RunSpec } from "@pitaya/protocol";

/** A valid run, made by parsing so that it cannot drift from the schema. */
export const sampleRun = (changes: Record<string, unknown> = {}): RunSpec =>
  RunSpec.parse({
    run: "run_20260102_030405_0a1b2c3d",
    client: "cli",
    submittedAt: "2026-01-02T03:04:05.000Z",
    prompt: { inline: "add a test" },
    repository: { name: "demo", path: "/tmp/demo", objectFormat: "sha1" },
    base: {
      branch: "main",
      commit: "a".repeat(40),
      bundles: [
        {
          blob: { writer: "cli", sha256: "b".repeat(64), bytes: 3, parts: 1, parents: [] },
          tip: "a".repeat(40),
          shallow: [],
        },
      ],
    },
    strategy: { name: "simple", params: {} },
    executions: 1,
    agent: { plugin: "claude-code", image: "pitaya-agents:latest", cliArgs: [], credentials: [] },
    limits: DEFAULT_LIMITS,
    network: "online",
    retries: 2,
    forceCommit: false,
    author: { name: "Pitaya Agent", email: "agent@pitaya.local" },
    import: { policy: "auto", conflict: "fail", skipEmpty: true, allowProtected: false },
    branchNaming: "hierarchical",
    ...changes,
  });
