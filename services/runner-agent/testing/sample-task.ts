import { DEFAULT_LIMITS, TaskSpec } from "@pitaya/protocol";

/** A valid task for the agent of the tests, on a base of one bundle. */
export const sampleTask = (changes: Record<string, unknown> = {}): TaskSpec =>
  TaskSpec.parse({
    prompt: { inline: "do it" },
    base: { branch: "main", commit: "a".repeat(40), bundles: [sampleBundle("a")] },
    agent: { plugin: "line", image: "line-image", cliArgs: [], credentials: [] },
    limits: DEFAULT_LIMITS,
    network: "online",
    readOnly: false,
    forceCommit: false,
    author: { name: "Agent", email: "agent@example.org" },
    importPolicy: "auto",
    ...changes,
  });

/** A reference to a bundle whose tip and content are named by one hexadecimal digit. */
export const sampleBundle = (digit: string) => ({
  blob: { writer: "u1", sha256: digit.repeat(64), bytes: 1, parts: 1, parents: [] },
  tip: digit.repeat(40),
  shallow: [],
});
