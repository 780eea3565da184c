import { isAbsolute, join } from "node:path";
import { z } from "zod";
import { readIfThere, writeAtomically } from "../files/atomic-write.ts";
import type { Host } from "../host.ts";
import type { Trust } from "./layers.ts";
import type { SettingsFile } from "./settings-file.ts";

const TrustedRecord = z.object({
  v: z.literal(1),
  files: z.record(z.string(), z.object({ sha256: z.string(), at: z.string() })),
});
type Trusted = z.infer<typeof TrustedRecord>;

/** Directory of the user's own settings. A repository has no say in where that is. */
export function ownDirectory({ env, home }: Pick<Host, "env" | "home">): string {
  const xdg = env["XDG_CONFIG_HOME"];
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, "pitaya");
  return join(home, ".config", "pitaya");
}

/** Files of repositories that the user has said yes to, each as it was then. */
export interface TrustedFiles {
  of(file: Pick<SettingsFile, "path" | "sha256">): Trust;
  add(files: readonly Pick<SettingsFile, "path" | "sha256">[], at: Date): Promise<void>;
}

export async function trustedFiles(
  host: Pick<Host, "env" | "home" | "random">,
): Promise<TrustedFiles> {
  const path = join(ownDirectory(host), "trusted.json");
  const { files } = understand(await readIfThere(path));
  return {
    of({ path: file, sha256 }) {
      const known = Object.hasOwn(files, file) ? files[file] : undefined;
      if (known === undefined) return "untrusted";
      return known.sha256 === sha256 ? "trusted" : "changed";
    },
    async add(more, at) {
      // Another command may have added one meanwhile.
      const now = understand(await readIfThere(path)).files;
      const added = more.map(({ path: file, sha256 }) => [file, { sha256, at: at.toISOString() }]);
      const record: Trusted = { v: 1, files: { ...now, ...Object.fromEntries(added) } };
      await writeAtomically(path, `${JSON.stringify(record, null, 2)}\n`, host.random(4));
    },
  };
}

/** A record that is not understood trusts nothing. */
function understand(bytes: Buffer | undefined): Trusted {
  const nothing: Trusted = { v: 1, files: {} };
  if (bytes === undefined) return nothing;
  try {
    return TrustedRecord.safeParse(JSON.parse(bytes.toString())).data ?? nothing;
  } catch (error) {
    if (error instanceof SyntaxError) return nothing;
    throw error;
  }
}
