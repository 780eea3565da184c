import { homedir } from "node:os";
import { join } from "node:path";

/**
 * Where set-up keeps what it fetched, for all clones of this user.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string}
 */
export function cacheDir(env) {
  if (env.PITAYA_CACHE_DIR) return env.PITAYA_CACHE_DIR;
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "pitaya");
}
