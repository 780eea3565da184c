import type { Host } from "./host.ts";
export async function reportError(error: unknown, host: Host, verbose: boolean): Promise<number> {
  await host.stderr.write(String(error) + String(verbose));
  return 1;
}
