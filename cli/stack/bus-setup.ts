import { writePrivateFile } from "./private-files.ts";
import type { StackUser } from "./services.port.ts";
import type { StackPaths } from "./stack-paths.ts";

export function prepareServer(
  paths: StackPaths,
): Record<"coordinator" | "runner" | "client", StackUser> {
  writePrivateFile(
    paths.server.config,
    `jetstream { store_dir: ${JSON.stringify(paths.server.store)}, sync_interval: always }\n`,
  );
  const u = (id: string) => ({ id, seed: "S" });
  return { coordinator: u("local"), runner: u("local"), client: u("cli") };
}
export async function prepareBus(
  _url: string,
  _users: Record<"coordinator" | "runner" | "client", StackUser>,
  _paths: StackPaths,
): Promise<void> {}
