import { closeSync, openSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { PitayaError } from "@pitaya/protocol";

/**
 * The lock that every Pitaya process takes before it writes to a user's repository, whichever of its
 * working trees it was started in.
 *
 * It is an SQLite database in the common git directory, held EXCLUSIVE: the operating system frees
 * it with its holder, also after kill -9, so no age or process id is ever guessed at. The file goes
 * when the holder is done, since nothing of ours stays in a user's repository; what a killed holder
 * leaves, the next one takes away. Removing a locked file has a trap: somebody may wait on the file
 * that is gone while a third locks its successor. So whoever gets the lock looks whether the file
 * under the name is still the one it opened, and else tries again. A file is known by inode and
 * times of creation, as an inode alone may be given out anew.
 */
const LOCK_FILE = "pitaya.lock";

const POLL_MS = 15;

/**
 * Runs `work` under the lock of `commonDir`.
 *
 * @throws {PitayaError} `git_failed`, retryable, if the lock was not free within `timeoutMs`
 */
export async function withRepositoryLock<T>(
  commonDir: string,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  const until = performance.now() + options.timeoutMs;
  for (;;) {
    using held = tryLock(join(commonDir, LOCK_FILE));
    if (held !== undefined) return await work();
    options.signal?.throwIfAborted();
    if (performance.now() > until) {
      throw new PitayaError(
        "git_failed",
        `another pitaya process has been writing to ${commonDir} for ${options.timeoutMs} ms`,
        { retryable: true, hint: "wait for it to end, then import again" },
      );
    }
    await sleep(POLL_MS, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}

/**
 * Takes the lock if it is free. Exported for its test, which acts as another process in the middle.
 *
 * @param opened called when the file is open and not yet locked
 */
export function tryLock(path: string, opened = () => {}): Disposable | undefined {
  makeIfAbsent(path);
  const before = identityOf(path);
  const database = new DatabaseSync(path);
  opened();
  try {
    // In memory, so that no journal appears beside it.
    database.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  if (before === undefined || before !== identityOf(path)) {
    database.close();
    return undefined;
  }
  return {
    [Symbol.dispose]() {
      rmSync(path, { force: true });
      database.close();
    },
  };
}

/**
 * Only ever opens a file that it makes: closing a descriptor of a file frees all locks that this
 * process has on it, another import's too.
 */
function makeIfAbsent(path: string): void {
  try {
    closeSync(openSync(path, "wx"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    throw new PitayaError("git_failed", `${path} cannot be made: ${code}`, {
      cause: error,
      hint: "the import writes to this repository; make its git directory writable",
    });
  }
}

function identityOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined
    ? undefined
    : `${found.dev}:${found.ino}:${found.ctimeNs}:${found.birthtimeNs}`;
}

const SQLITE_BUSY = 5;

const isBusy = (error: unknown): boolean =>
  typeof error === "object" &&
  error !== null &&
  "errcode" in error &&
  typeof error.errcode === "number" &&
  (error.errcode & 0xff) === SQLITE_BUSY;
