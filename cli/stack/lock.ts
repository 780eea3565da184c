import { closeSync, openSync, truncateSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { PitayaError } from "@pitaya/protocol";

export interface Lock {
  release(): void;
}

/**
 * Takes a lock that at most one process has, or returns `undefined` at once. The kernel frees it when
 * the holder dies, however it dies, so there is no stale lock to judge.
 *
 * It is SQLite's lock on an empty database, since Node has no `flock`. It lives as long as the returned
 * object is referenced.
 *
 * @throws `stack_failed` where the file cannot be used
 */
export function takeLock(path: string): Lock | undefined {
  try {
    closeSync(openSync(path, "a", 0o600));
    return begin(path);
  } catch (error) {
    if (isCode(error, SQLITE_BUSY)) return undefined;
    if (isCode(error, SQLITE_NOTADB)) {
      // Only read when nobody holds it. Emptied, not removed: a second waiter then meets the same file.
      truncateSync(path);
      return takeLock(path);
    }
    throw new PitayaError("stack_failed", `cannot lock ${path}: ${text(error)}`, {
      cause: error,
      retryable: false,
      hint: "name a directory on a local file system with --state-dir or PITAYA_STATE_DIR",
    });
  }
}

const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;

function begin(path: string): Lock {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    throw error;
  }
  return { release: () => database.close() };
}

/** Extended result codes keep the primary one in their low byte. */
const isCode = (error: unknown, code: number) =>
  error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === code;

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));
