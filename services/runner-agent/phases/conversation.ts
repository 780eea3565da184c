import { kindOf, type StartCommand } from "@pitaya/protocol";
import { packSession } from "../adapters/session-archive.ts";
import type { Conversation } from "../domain/attempt.ts";
import { redactedSessionFile } from "../domain/session-redaction.rules.ts";
import type { SessionFile } from "../ports/executor.port.ts";
import { attemptRedactor } from "./attempt-redactor.ts";
import type { AttemptScope } from "./attempt-scope.ts";
import { findPlugin } from "./prepare.ts";

/** Where the agent's session lies below its home; nowhere while it has none that can be resumed. */
export function sessionPaths(scope: AttemptScope): readonly string[] {
  if (kindOf(scope.command.task) !== "agent" || scope.sessionId === undefined) return [];
  const plugin = findPlugin(scope);
  if (!plugin.capabilities.resume) return [];
  return plugin.sessionFiles(scope.sessionId);
}

/** The conversation that the attempt goes on with from its start, if any. */
export const resumedSession = ({ snapshot, task }: StartCommand): string | undefined =>
  snapshot?.sessionId ?? task.session?.from?.sessionId;

/**
 * The conversation as it may be stored; undefined where none of its files holds anything, or one
 * cannot be kept for what it holds.
 */
export async function conversationOf(
  scope: AttemptScope,
  files: readonly SessionFile[],
  commit: string,
): Promise<Conversation | undefined> {
  const { sessionId } = scope;
  if (sessionId === undefined || files.every(({ bytes }) => bytes.length === 0)) return undefined;
  const redacting = scope.redactor ?? attemptRedactor(scope);
  const redacted = files.flatMap(({ path, bytes }) => {
    const kept = redactedSessionFile(bytes, redacting);
    return kept === undefined ? [] : [{ path, bytes: kept }];
  });
  if (redacted.length < files.length) {
    scope.log.warn(
      "the conversation holds a secret in a file that cannot be mended: it is not kept",
    );
    return undefined;
  }
  return { sessionId, archive: await packSession(redacted), commit };
}
