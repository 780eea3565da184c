import { ask } from "@pitaya/bus";
import {
  AttemptNumber,
  InstanceId,
  isPitayaError,
  PitayaError,
  ProcessId,
  RunId,
  subjects,
} from "@pitaya/protocol";
import { pause } from "../adapters/waiting.ts";
import type { AttemptScope } from "./attempt-scope.ts";

const REQUEST_TIMEOUT_MS = 5_000;
const RETRY_MS = 1_000;

/**
 * Asks the coordinator for the agent's credentials, sealed to this runner-agent's key, until it
 * answers or `signal` aborts.
 *
 * @param onRefused told of each answer that nobody holds them; what it throws ends the asking
 */
export async function requestSecrets(
  scope: AttemptScope,
  signal: AbortSignal,
  onRefused: (error: PitayaError) => void = () => undefined,
): Promise<Readonly<Record<string, string>>> {
  const { command, name, runner, bus, sealer, log } = scope;
  const wanted = command.task.agent.credentials;
  if (wanted.length === 0) return {};
  const request = {
    v: 1 as const,
    run: RunId.parse(name.runId),
    instance: InstanceId.parse(name.instanceId),
    attempt: AttemptNumber.parse(name.attempt),
    runner: ProcessId.parse(runner),
  };
  const subject = subjects.api.of({ verb: "runner-secret" });
  for (;;) {
    signal.throwIfAborted();
    try {
      const asked = ask(bus, "runner-secret", subject, request, REQUEST_TIMEOUT_MS);
      const { value } = await unlessAborted(asked, signal);
      if (value.secrets.to !== sealer.publicKey) throw keyNotKnownYet();
      return pick(sealer.open(value.secrets, name.runId).values, wanted);
    } catch (error) {
      if (!isPitayaError(error) || !error.retryable) throw error;
      if (error.code === "credentials_missing") onRefused(error);
      log.warn({ err: error }, "no answer about credentials yet");
      await pause(scope.clock, RETRY_MS, signal);
    }
  }
}

/** After a restart the coordinator may hear the question before it has read the new key. */
const keyNotKnownYet = () =>
  new PitayaError(
    "credentials_missing",
    "The credentials are sealed to the key of an earlier start of this runner.",
    { retryable: true },
  );

/** Only what the task names: a bundle may hold more, for other instances of its run. */
function pick(
  values: Readonly<Record<string, string>>,
  wanted: readonly string[],
): Readonly<Record<string, string>> {
  const missing = wanted.filter((name) => values[name] === undefined);
  if (missing.length > 0) {
    throw new PitayaError("credentials_missing", `No value is held for ${missing.join(", ")}.`, {
      hint: "Attach to the run, or resume it, with credentials.",
    });
  }
  return Object.fromEntries(wanted.map((name) => [name, values[name] ?? ""]));
}

/** The request itself cannot be called back; its answer is no longer waited for. */
function unlessAborted<T>(asked: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = () => reject(signal.reason);
    signal.addEventListener("abort", give, { once: true });
    asked.finally(() => signal.removeEventListener("abort", give)).then(resolve, reject);
  });
}
