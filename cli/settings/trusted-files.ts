import { isAbsolute, join } from "node:path";
import { PitayaError } from "@pitaya/protocol";
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
  /** @throws {PitayaError} `usage` where the record of the others cannot be read */
  add(files: readonly Pick<SettingsFile, "path" | "sha256">[], at: Date): Promise<void>;
}

export async function trustedFiles(
  host: Pick<Host, "env" | "home" | "random">,
): Promise<TrustedFiles> {
  const path = join(ownDirectory(host), "trusted.json");
  const read = () => readIfThere(path).then(understand, () => undefined);
  const { files = {} } = (await read()) ?? {};
  return {
    of({ path: file, sha256 }) {
      const known = Object.hasOwn(files, file) ? files[file] : undefined;
      if (known === undefined) return "untrusted";
      return known.sha256 === sha256 ? "trusted" : "changed";
    },
    async add(more, at) {
      // Another command may have added one meanwhile.
      const now = await read();
      if (now === undefined) throw damaged(path);
      const added = more.map(({ path: file, sha256 }) => [file, { sha256, at: at.toISOString() }]);
      const record: Trusted = { v: 1, files: { ...now.files, ...Object.fromEntries(added) } };
      await writeAtomically(path, `${JSON.stringify(record, null, 2)}\n`, host.random(4));
    },
  };
}

/** Undefined for a record that is not understood, which trusts nothing. */
function understand(bytes: Buffer | undefined): Trusted | undefined {
  if (bytes === undefined) return { v: 1, files: {} };
  try {
    return TrustedRecord.safeParse(JSON.parse(bytes.toString())).data;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const damaged = (path: string) =>
  new PitayaError("usage", `${path} cannot be read as the record of what you trust`, {
    hint: "It is left as it is. Mend it, or move it away: then nothing is trusted, and each repository asks again.",
  });
