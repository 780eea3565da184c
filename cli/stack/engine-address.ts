/** What a stack without `DOCKER_HOST` is called; its runner finds the engine in the usual places. */
export const DEFAULT_ENGINE = "default";

const DEFAULT_SOCKET = "unix:///var/run/docker.sock";

/**
 * The engine a user's environment names. A stack serves one engine, so this tells stacks apart.
 * Docker contexts are not read.
 */
export function engineAddress(env: NodeJS.ProcessEnv): string {
  const named = env["DOCKER_HOST"]?.trim();
  return !named || named === DEFAULT_SOCKET ? DEFAULT_ENGINE : named;
}
