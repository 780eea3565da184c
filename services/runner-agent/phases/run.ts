import type { OutputParser } from "@pitaya/plugins";
import { errorRecord, subjects } from "@pitaya/protocol";
import { naming } from "../adapters/docker/names.ts";
import { outputPublisher } from "../adapters/output-publisher.ts";
import { agentEndOf, agentExitOf } from "../domain/agent-end.rules.ts";
import type { AgentEnd, AttemptEvent, Stop } from "../domain/attempt.ts";
import { checkParser } from "../domain/check-parser.ts";
import { FRESH_CURSOR } from "../domain/output-messages.rules.ts";
import type { OutputJournal } from "../ports/disk.port.ts";
import type { Execution } from "../ports/executor.port.ts";
import type { AttemptScope } from "./attempt-scope.ts";
import { resumedSession } from "./conversation.ts";
import { type OutputPump, outputPump } from "./output-pump.ts";
import { findPlugin } from "./prepare.ts";
import { replayOutput } from "./replay.ts";
import { requestSecrets } from "./secrets.ts";

export interface RunOptions {
  /** Its container was started by an earlier incarnation: read on instead of starting it. */
  readonly adopt: boolean;
  readonly send: (event: AttemptEvent) => void;
  /** Why the agent was told to end, if it was. */
  readonly stop: () => Stop | undefined;
  /** Aborted when the attempt is no longer ours to follow; the container goes on. */
  readonly signal: AbortSignal;
}

function outputParser(scope: AttemptScope): OutputParser {
  const { task } = scope.command;
  if (task.verify) return checkParser();
  const resumeSessionId = resumedSession(scope.command);
  return findPlugin(scope).parser({
    ...(resumeSessionId !== undefined && { resumeSessionId }),
    // Which one it is, the agent was told; here it only counts that there is one.
    ...(task.outputSchema && { outputSchema: {} }),
  });
}

/** Starts or adopts the agent, and carries its output until it has ended. */
export async function runAgent(scope: AttemptScope, options: RunOptions): Promise<void> {
  const { clock } = scope;
  const { send, signal } = options;
  const parser = outputParser(scope);
  if (options.adopt) await recallSecrets(scope, signal);
  scope.redactor ??= scope.redactorOf([]);
  const pump = outputPump({
    parser,
    redactor: scope.redactor,
    clock,
    onOutput: (atMs) => {
      scope.lastOutputAtMs = atMs;
    },
    onSession: (sessionId) => {
      scope.sessionId = sessionId;
    },
    onGap: ({ stream, fromOffset, toOffset = fromOffset }) =>
      send({ type: "GAP", gap: { stream, fromOffset, toOffset } }),
    onFinal: () => send({ type: "FINAL", atMs: clock.now() }),
  });
  const journal = scope.directory.openJournal();
  try {
    const ended = await carryOutput(scope, options, pump, journal, parser);
    if (ended !== undefined) send({ type: "EXITED", end: ended });
  } catch (error) {
    if (signal.aborted) return;
    scope.log.error({ err: error }, "agent lost sight of");
    send({ type: "FAILED", error: errorRecord(error), lastOutput: pump.lastOutput() });
  } finally {
    await journal.close();
  }
}

/** @returns how the agent ended; `undefined` when it is no longer ours to follow */
async function carryOutput(
  scope: AttemptScope,
  { adopt, send, stop, signal }: RunOptions,
  pump: OutputPump,
  journal: OutputJournal,
  parser: OutputParser,
): Promise<AgentEnd | undefined> {
  const { runner, clock, executor, name, bus, log } = scope;
  const subject = outputSubject(scope);
  const cursor = adopt ? await replayOutput(journal, bus.output, subject, pump) : FRESH_CURSOR;
  const publisher = outputPublisher({
    output: bus.output,
    journal,
    subject,
    cursor,
    clock,
    signal,
    onTrouble: (err) => log.warn({ err }, "output not taken by the bus yet"),
  });
  if (!adopt) await scope.whenMayRun(signal);
  if (signal.aborted) return undefined;
  const execution = adopt
    ? await executor.adopt(name, cursor.next)
    : await executor.start(name, scope.secrets ?? {});
  delete scope.secrets;
  const left = letGoOn(signal, execution);
  if (signal.aborted) return undefined;
  scope.execution = execution;
  send({ type: "STARTED", container: naming(runner).container(name), atMs: clock.now() });

  await pump.drain(execution.output, publisher, cursor);
  const exit = await Promise.race([execution.exit, left]);
  if (exit === undefined) return undefined;
  const { records, result } = parser.end(agentExitOf(exit, stop()));
  await pump.finish(records, publisher);
  if (signal.aborted) return undefined;
  const parts = { atMs: clock.now(), exit, result, lastOutput: pump.lastOutput() };
  return agentEndOf(parts, (text) => scope.redactor?.text(text) ?? text);
}

/** Detaches when `signal` aborts, and resolves then. */
function letGoOn(signal: AbortSignal, execution: Execution): Promise<undefined> {
  // It is awaited only at the end; a fault of the engine before that is no unhandled rejection.
  execution.exit.catch(() => undefined);
  return new Promise((resolve) => {
    const leave = () => {
      execution.detach();
      resolve(undefined);
    };
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  });
}

const outputSubject = ({ runner, name }: AttemptScope) =>
  subjects.output.of({
    runner,
    run: name.runId,
    instance: name.instanceId,
    attempt: String(name.attempt),
  });

/** How long an adopted agent's output waits for the values that must not be in it. */
const RECALL_TIMEOUT_MS = 30_000;

/**
 * The agent has its secrets, but this process no longer knows them, and what it publishes must not
 * hold them. If nobody does any more, output goes on redacted by known shapes alone: the agent is
 * paid for, and its work must come home.
 */
async function recallSecrets(scope: AttemptScope, signal: AbortSignal): Promise<void> {
  const limit = new AbortController();
  const cancel = scope.clock.setTimer(RECALL_TIMEOUT_MS, () => limit.abort());
  try {
    scope.secrets = await requestSecrets(scope, AbortSignal.any([signal, limit.signal]));
    scope.redactor = scope.redactorOf(Object.values(scope.secrets));
  } catch (err) {
    if (signal.aborted) throw err;
    scope.log.warn({ err }, "credentials unknown after a restart: redacting known shapes only");
  } finally {
    cancel();
  }
}
