import { isPitayaError, PitayaError } from "@pitaya/protocol";

export const notARepository = (where: string, why: string, cause?: unknown) =>
  new PitayaError("not_a_repository", `${where} is not in a git repository: ${why}`, {
    hint: "run pitaya inside a git repository, or name one with --repo <path>",
    ...(cause === undefined ? {} : { cause }),
  });

export const unsupported = (where: string, why: string, hint?: string, cause?: unknown) =>
  new PitayaError("repository_unsupported", `the repository at ${where} cannot be used: ${why}`, {
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });

/** What git says of a directory that it will not work in, as an error that says what to do. */
export function explainRefusal(where: string, error: unknown): unknown {
  if (!isPitayaError(error, "git_failed")) return error;
  if (/dubious ownership|unsafe repository/.test(error.message)) {
    const command = /git config --global --add safe\.directory .*/.exec(error.message)?.[0];
    return unsupported(
      where,
      "it belongs to another user, and git refuses such repositories",
      `if you trust it: ${command ?? `git config --global --add safe.directory ${where}`}`,
      error,
    );
  }
  if (/not a git repository/.test(error.message)) {
    return notARepository(where, "neither it nor a directory above it has one", error);
  }
  return unsupported(where, error.message, undefined, error);
}
