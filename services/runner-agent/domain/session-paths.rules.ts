/*
 * Where the files of an agent's session lie below its home. A CLI may name them by more than the
 * session's id, by the time it began for instance: `*` in a path stands for any part of one name.
 */

/** Names that a session's files may have. The agent chose them, and lines and scripts carry them. */
const FIT = /^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+)*$/;
const MAX_LENGTH = 300;

export const isPattern = (path: string): boolean => path.includes("*");

/** Whether it is one of these paths, or named by one of them. */
export function isSessionPath(path: string, wanted: readonly string[]): boolean {
  if (!FIT.test(path) || path.length > MAX_LENGTH || path.split("/").includes("..")) return false;
  return wanted.some((pattern) => (isPattern(pattern) ? named(pattern, path) : pattern === path));
}

function named(pattern: string, path: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join("[^/]*")}$`).test(path);
}

/** The directory that all that a pattern names lies in. */
export const directoryOf = (pattern: string): string =>
  pattern.slice(0, Math.max(pattern.lastIndexOf("/", pattern.indexOf("*")), 0));
