import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

const retryEveryMs = 200;

/**
 * Runs `work` while no other process on this machine runs work under the same file. The system
 * frees the lock when the holder dies, however it dies, so there is no stale lock to judge.
 *
 * @param onWait called once, when somebody else holds it
 */
export async function withLock<T>(
  file: string,
  onWait: () => void,
  work: () => Promise<T>,
): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  using held = await take(file, onWait);
  void held;
  return await work();
}

async function take(file: string, onWait: () => void): Promise<Disposable> {
  const database = new DatabaseSync(file);
  for (let tries = 0; ; tries++) {
    try {
      database.exec("BEGIN EXCLUSIVE");
      return { [Symbol.dispose]: () => database.close() };
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
    if (tries === 0) onWait();
    await delay(retryEveryMs);
  }
}

/** SQLITE_BUSY, in whatever extended form. */
function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === 5;
}
