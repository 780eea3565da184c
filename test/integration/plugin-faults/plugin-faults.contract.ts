import type { AgentPlugin } from "@pitaya/plugins";
import type { ErrorCode, TaskSpec } from "@pitaya/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AgentBench, agentBench, type Ended } from "./agent-bench.ts";
import { FAULTS, type Fault, type FaultName, NOBODY } from "./faults.ts";

/*
 * What goes wrong with an agent, with every real CLI: the right class of error, whether another
 * attempt makes sense, a message that says what was wrong, and no more of the CLI's own patience than
 * we grant it. A plugin's file gives one row for each fault of `faults.ts`, so none is forgotten:
 *
 *     pluginFaults({
 *       plugin: codex,
 *       secrets: { OPENAI_API_KEY: "…" },
 *       model: "gpt-5.5",
 *       baseUrlOf: (url) => `${url}/v1`,
 *       rows: {
 *         wrongKey: { says: /401 Unauthorized/, requests: 1 },
 *         maxTurns: { lacks: "codex exec has no limit of turns" },
 *         …
 *       },
 *     });
 *
 * The runner-agent is the real one, in hardened containers, on a bus in memory, so a row costs about
 * what the CLI does. `vitest run test/integration/plugin-faults/codex.test.ts -t wrongKey` runs one.
 */

/** What one CLI does with a fault. */
interface TestedRow {
  /** Of the error's message; of the final message where it succeeds. */
  readonly says: RegExp;
  /** Requests to the model at most: what bounds the CLI's own patience. */
  readonly requests?: number;
  /** At least and at most; absent: none may be told. */
  readonly retryAfterMs?: readonly [number, number];
  /** Where this CLI needs another one to come to the same. */
  readonly scenario?: Fault["scenario"];
  /** Where this CLI has no end of its own. */
  readonly stallTimeoutMs?: number;
  /** Where this CLI cannot be told apart better. */
  readonly code?: ErrorCode;
  readonly retryable?: boolean;
  readonly agent?: Partial<TaskSpec["agent"]>;
  readonly task?: Partial<Omit<TaskSpec, "agent" | "limits">>;
  /** More that is true of the attempt's last fact. */
  readonly also?: (end: Ended) => void;
}

/** Or it has nothing that this could happen to, and why. */
export type Row = TestedRow | { readonly lacks: string };

export interface PluginFaults {
  readonly plugin: AgentPlugin;
  /** Values by the names under which the agent gets them. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly model: string;
  /** How a base URL of the model server is written for this CLI. */
  readonly baseUrlOf?: (url: string) => string;
  /** For every attempt, as with {@link Row.agent}. */
  readonly agent?: Partial<TaskSpec["agent"]>;
  readonly rows: Readonly<Record<FaultName, Row>>;
}

const TEST_TIMEOUT_MS = 300_000;

export function pluginFaults(suite: PluginFaults): void {
  const { plugin, model, rows, baseUrlOf = (url: string) => url } = suite;
  let bench: AgentBench;
  beforeAll(async () => {
    bench = await agentBench(suite.secrets, { finalGraceMs: 2_000 });
  });
  afterAll(() => bench?.close());

  const urlOf = (scenario: Fault["scenario"], id: string) =>
    baseUrlOf(
      scenario === NOBODY
        ? "http://127.0.0.1:4999"
        : bench.model.url(scenario, id, "host.docker.internal"),
    );

  describe.concurrent(`${plugin.name}, the real CLI`, { timeout: TEST_TIMEOUT_MS }, () => {
    for (const [name, row] of Object.entries(rows)) {
      const fault: Fault = FAULTS[name as FaultName];
      if ("lacks" in row) continue;
      const wanted: Fault & TestedRow = { ...fault, ...row };
      const outcome = wanted.code ?? "success";

      it(`${name}: ${outcome}`, async () => {
        const key = `${plugin.name}-${name}`;
        const { stallTimeoutMs, around } = wanted;
        const end = await bench.attempt({
          key,
          plugin,
          baseUrl: urlOf(wanted.scenario, key),
          agent: { model, ...suite.agent, ...row.agent },
          ...(row.task && { task: row.task }),
          ...(stallTimeoutMs !== undefined && { limits: { stallTimeoutMs } }),
          ...(around && { around }),
        });
        expectOutcome(end, wanted);
        if (row.requests !== undefined) {
          expect(bench.model.requests(key).length).toBeLessThanOrEqual(row.requests);
        }
        row.also?.(end);
      });
    }
  });
}

function expectOutcome(end: Ended, wanted: Fault & TestedRow): void {
  const seen = JSON.stringify(end, null, 2);
  if (end.type === "attempt.succeeded") {
    expect(wanted.code, seen).toBeUndefined();
    expect(textOf(end), seen).toMatch(wanted.says);
    return;
  }
  const { code, retryable, message, hint, retryAfterMs } = end.error;
  expect({ code, retryable }, seen).toEqual({ code: wanted.code, retryable: wanted.retryable });
  expect(message, seen).toMatch(wanted.says);
  // One that nobody can tell more of is all in its message.
  if (code !== "agent_failed") expect(hint, seen).toBeDefined();
  if (wanted.retryAfterMs === undefined) {
    expect(retryAfterMs, seen).toBeUndefined();
    return;
  }
  const [least, most] = wanted.retryAfterMs;
  expect(retryAfterMs, seen).toBeGreaterThanOrEqual(least);
  expect(retryAfterMs, seen).toBeLessThanOrEqual(most);
}

const textOf = (end: Ended & { type: "attempt.succeeded" }): string =>
  end.finalMessage && "inline" in end.finalMessage ? end.finalMessage.inline : "";
