import { PitayaError } from "@pitaya/protocol";
import { decidedBy } from "./decides.rules.ts";
import { isDoubtful, type LayerFile } from "./layers.ts";
import type { Resolved } from "./resolve.rules.ts";

/** A value that would hold, of a file that it takes the user's word to believe. */
interface Refused {
  readonly what: string;
  readonly decides: string;
  readonly file: LayerFile;
}

/**
 * What a file of the repository decides holds only once the user has said yes to the file as it is.
 *
 * @throws {PitayaError} `untrusted` naming every such key and its file
 */
export function refuseUntrusted({ chosen }: Pick<Resolved, "chosen">): void {
  const refused = [...chosen].flatMap(([key, { value, as, layer }]): Refused[] => {
    const { file } = layer;
    if (file === undefined || !isDoubtful(file)) return [];
    const decides = decidedBy(key, value);
    return decides === undefined ? [] : [{ what: as, decides, file }];
  });
  if (refused.length > 0) throw untrusted(refused);
}

export function untrusted(refused: readonly Refused[]): PitayaError {
  const lines = refused.map(({ what, decides, file }) => {
    const changed = file.trust === "changed" ? " (changed since you trusted it)" : "";
    return `${what} would decide ${decides}, and this file is not trusted${changed}`;
  });
  return new PitayaError("untrusted", lines.join("\n  "), {
    hint: "`pitaya trust` shows what the repository's files would decide, and accepts them. --yes does not.",
  });
}
