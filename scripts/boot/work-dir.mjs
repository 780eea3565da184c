import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

let count = 0;

/**
 * A new empty directory on the cache's own file system, so that what is made in it can be moved
 * into place by one rename. Whatever a killed set-up left there goes first.
 *
 * @param {string} cache
 * @returns {string}
 */
export function makeWorkDir(cache) {
  const parent = join(cache, "tmp");
  mkdirSync(parent, { recursive: true });
  for (const name of readdirSync(parent)) {
    if (!isRunning(Number.parseInt(name, 10))) {
      rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
  const dir = join(parent, `${process.pid}-${count++}`);
  mkdirSync(dir);
  return dir;
}

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}
