import type { LiveAttempt } from "../ports/executor.port.ts";
import type { AttemptBeginning } from "./attempt.ts";
import type { Standing } from "./standing.rules.ts";

/**
 * How an attempt of an earlier incarnation is taken up, from its chain and its container. The engine
 * knows best whether an agent ever ran; only where the container is gone, our own record says.
 */
export function beginningOf(
  standing: Standing,
  container: LiveAttempt["state"] | undefined,
  startRequested: boolean,
): AttemptBeginning {
  if (standing.kind === "ended") return "ended";
  if (standing.kind === "sealed" || standing.kind === "unclaimed") return "sealed";
  if (container === "paused") return "paused";
  if (container === "running" || container === "exited") return "adopted";
  return container === undefined && startRequested ? "lost" : "restarted";
}

/** Whether the attempt is gone on with, so that its chain is told of the adoption first. */
export const isTakenUp = (beginning: AttemptBeginning): boolean =>
  beginning === "adopted" ||
  beginning === "paused" ||
  beginning === "restarted" ||
  beginning === "lost";
