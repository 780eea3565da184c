import { matchesFilter } from "@pitaya/bus";
import { ALL_EVENTS, PitayaError } from "@pitaya/protocol";

const ROOT = ALL_EVENTS.slice(0, -1);

/**
 * Whether a subject matches a pattern as NATS understands them: `*` for one token, `>` for all that
 * follow. A pattern that is not whole goes on from the run (`fact.>`), or without one from where the
 * runs' ids stand (`*.fact.>`).
 *
 * @throws {PitayaError} `usage` for a pattern that can match nothing
 */
export function subjectFilter(
  pattern: string | undefined,
  run: string | undefined,
): (subject: string) => boolean {
  if (pattern === undefined) return () => true;
  const start = run === undefined ? ROOT : `${ROOT}${run}.`;
  const filter = pattern.startsWith(ROOT) ? pattern : `${start}${pattern}`;
  const tokens = filter.split(".");
  if (tokens.includes("") || tokens.slice(0, -1).includes(">")) {
    throw new PitayaError("usage", `--subject: ${pattern} is not a pattern of subjects`, {
      hint: "For example: --subject 'decision' or 'fact.>' of a run, '*.decision' with --all.",
    });
  }
  return (subject) => matchesFilter(filter, subject);
}
