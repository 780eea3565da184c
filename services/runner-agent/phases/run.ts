import type { OutputParser } from "@pitaya/plugins";
import { errorRecord, PitayaError, subjects } from "@pitaya/protocol";
import { naming } from "../adapters/docker/names.ts";
import { outputPublisher } from "../adapters/output-publisher.ts";
import { pause } from "../adapters/waiting.ts";
import { agentEndOf, agentExitOf } from "../domain/agent-end.rules.ts";
import type { AgentEnd, AttemptEvent, Stop } from "../domain/attempt.ts";
import { checkParser } from "../domain/check-parser.ts";
import { withCounted } from "../domain/counted-usage.rules.ts";
import { FRESH_CURSOR } from "../domain/output-messages.rules.ts";
import type { OutputJournal } from "../ports/disk.port.ts";
import type { Execution } from "../ports/executor.port.ts";
import { attemptRedactor } from "./attempt-redactor.ts";
import type { AttemptScope } from "./attempt-scope.ts";
import { resumedSession } from "./conversation.ts";
import { type OutputPump, outputPump } from "./output-pump.ts";
import { findPlugin } from "./prepare.ts";
import { replayOutput } from "./replay.ts";
import { requestSecrets } from "./secrets.ts";
import { endVisit, planVisit, visitGateway } from "./visit-gateway.ts";

const ASK_AGAIN_MS = 1_000;

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
  if (options.adopt) {
    try {
      await planVisit(scope, scope.command.task.verify ? undefined : findPlugin(scope));
      const recalled = recallSecrets(scope, options);
      await Promise.all([recalled, visitGateway(scope, recalled)]);
    } catch (error) {
      if (!signal.aborted) send({ type: "FAILED", error: errorRecord(error), lastOutput: "" });
      return;
    }
  }
  scope.redactor ??= attemptRedactor(scope);
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
    onRefused: () => send({ type: "REFUSED", atMs: clock.now() }),
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
    onTrouble(err) {
      // The agent is not silent where nobody takes what it says.
      scope.lastOutputAtMs = clock.now();
      log.warn({ err }, "output not taken by the bus yet");
    },
  });
  if (!adopt) {
    const loss = await whenMayStart(scope, signal);
    if (loss !== undefined) send({ type: loss });
    if (loss !== undefined) return undefined;
  }
  if (signal.aborted) return undefined;
  const execution = adopt
    ? await executor.adopt(name, cursor.next)
    : await executor.start(name, scope.secrets ?? {});
  delete scope.secrets;
  const left = letGoOn(signal, execution);
  if (signal.aborted) return undefined;
  scope.execution = execution;
  send({ type: "STARTED", container: naming(runner).container(name), atMs: clock.now() });

  execution.exit.then(
    () => send({ type: "LEFT", atMs: clock.now() }),
    () => undefined,
  );
  await pump.drain(execution.output, publisher, cursor);
  const exit = await Promise.race([execution.exit, left]);
  if (exit === undefined) return undefined;
  const { records, result: told } = parser.end(agentExitOf(exit, stop()));
  await pump.finish(records, publisher);
  if (signal.aborted) return undefined;
  const result = withCounted(told, endVisit(scope));
  const parts = { atMs: clock.now(), exit, result, lastOutput: pump.lastOutput() };
  return agentEndOf(parts, (text) => scope.redactor?.text(text) ?? text);
}

/** @returns how the attempt was lost before it could begin, if it was */
async function whenMayStart(scope: AttemptScope, signal: AbortSignal) {
  while (!signal.aborted) {
    await scope.whenMayRun(signal);
    try {
      return await scope.lossOf(scope.name);
    } catch (err) {
      scope.log.warn({ err }, "not known yet whether the attempt may begin");
      await pause(scope.clock, ASK_AGAIN_MS, signal);
    }
  }
  return undefined;
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

/** Refusals before it is said that nobody has the values: a new key takes a moment to be heard of. */
const PATIENT_ANSWERS = 3;

/**
 * The agent has its secrets, but this process no longer knows them, and what it stores must not hold
 * them. If nobody else does either, the agent goes on, or has ended, and all that comes of it waits
 * with the engine until somebody brings them again.
 *
 * @throws `credentials_missing` when the agent is to be ended meanwhile: nothing of it can be kept
 */
async function recallSecrets(
  scope: AttemptScope,
  { send, stop, signal }: Pick<RunOptions, "send" | "stop" | "signal">,
): Promise<Readonly<Record<string, string>>> {
  let answers = 0;
  const secrets = await requestSecrets(scope, signal, (cause) => {
    answers += 1;
    if (answers < PATIENT_ANSWERS) return;
    if (stop() !== undefined) throw nothingKept(cause);
    const missing = scope.command.task.agent.credentials;
    if (answers === PATIENT_ANSWERS) send({ type: "WAITING", missing, atMs: scope.clock.now() });
  });
  scope.redactor = attemptRedactor(scope, secrets);
  return secrets;
}

const nothingKept = (cause: unknown) =>
  new PitayaError(
    "credentials_missing",
    "Nothing of this attempt is kept: its credentials are unknown since a restart, so nobody could tell whether what it made holds one.",
    { cause, hint: "Attach with the credentials before a run is stopped, and its work is kept." },
  );
