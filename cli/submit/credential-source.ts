import { basename } from "node:path";
import { isTracked } from "@pitaya/git";
import type { LocalPlace } from "../local-place.ts";
import type { Session } from "../session.ts";
import { isDoubtful } from "../settings/layers.ts";
import { untrusted } from "../settings/refuse-untrusted.rules.ts";
import type { Credentials } from "./sealed-credentials.ts";

/**
 * A credential of a `.env` that came with the repository is somebody else's, whose account would get to
 * see the code. One in a `.env` that git does not track is the user's own.
 *
 * @throws {PitayaError} `untrusted`
 */
export async function checkCredentialSource(
  { variables }: Pick<Session, "variables">,
  { repo }: Pick<LocalPlace, "repo">,
  credentials: Credentials,
  signal: AbortSignal,
): Promise<void> {
  const used = Object.entries(credentials);
  for (const { name, value, as, layer } of variables.ofFile) {
    const { file } = layer;
    if (file === undefined || !isDoubtful(file)) continue;
    if (variables.get(name)?.layer.file !== file) continue;
    if (!used.some(([, held]) => held === value.trim())) continue;
    if (!(await isTracked(repo, basename(file.path), signal))) continue;
    throw untrusted([{ what: as, decides: "whose account gets to see the code", file }]);
  }
}
