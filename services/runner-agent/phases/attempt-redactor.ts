import { PitayaError } from "@pitaya/protocol";
import { PatternError, type Redactor } from "@pitaya/redaction";
import { passwordsOf } from "../domain/surroundings.rules.ts";
import type { AttemptScope } from "./attempt-scope.ts";

/**
 * What takes secrets out of all that is kept of an attempt: these values, known shapes, and what the
 * run's own patterns find.
 *
 * @throws `task_unsupported` for a pattern that this runner does not understand
 */
export function attemptRedactor(
  {
    redactorOf,
    command,
    outerProxies,
  }: Pick<AttemptScope, "redactorOf" | "command" | "outerProxies">,
  secrets: Readonly<Record<string, string>> = {},
): Redactor {
  try {
    return redactorOf(
      [...Object.values(secrets), ...passwordsOf(outerProxies)],
      command.task.redact,
    );
  } catch (cause) {
    if (!(cause instanceof PatternError)) throw cause;
    throw new PitayaError("task_unsupported", `${cause.message}.`, { cause });
  }
}
