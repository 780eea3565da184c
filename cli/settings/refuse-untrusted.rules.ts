import { PitayaError } from "@pitaya/protocol";
import type { CommandName } from "../command-line/commands.ts";
import { decidedBy } from "./decides.rules.ts";
import type { SettingKey } from "./keys.ts";
import {
  type ConfigKey,
  type Given,
  isDoubtful,
  isPluginKey,
  isStrategyKey,
  type Layer,
  type LayerFile,
} from "./layers.ts";
import type { OwnWord } from "./own-word.rules.ts";
import type { Resolved } from "./resolve.rules.ts";
import type { Settings } from "./schema.ts";

/** A value that would hold, of a file that it takes the user's word to believe. */
interface Refused {
  readonly what: string;
  readonly decides: string;
  readonly file: LayerFile;
}

/** What of the settings a command uses whatever else it is told; a value that is not used decides nothing. */
export function usedBy(
  command: CommandName,
  { chosen, values }: Pick<Resolved, "chosen" | "values">,
): readonly (readonly [ConfigKey, Placed])[] {
  const used = (key: ConfigKey): boolean => {
    if (key.startsWith("nats.")) return command !== "down";
    if (key === "logs_dir" || key === "results_dir") return WRITE_FILES.includes(command);
    // Parameters of the strategy, and other plugins that its tasks name, are looked at where they are known.
    if (command !== "run" || isStrategyKey(key)) return false;
    return !isPluginKey(key) || key === `plugins.${values.plugin_name}`;
  };
  return [...chosen].filter(([key]) => used(key));
}

/** Write files of a run into the repository. */
const WRITE_FILES: readonly CommandName[] = ["run", "attach", "import", "show", "resume"];

/** The value of a key, unless it is one that {@link refuseUntrusted} refuses. */
export function believed<K extends SettingKey>(
  key: K,
  { chosen, values }: Pick<Resolved, "chosen" | "values">,
): Settings[K] | undefined {
  const file = chosen.get(key)?.layer.file;
  return file !== undefined && isDoubtful(file) ? undefined : values[key];
}

type Placed = Pick<Given, "value" | "as"> & { readonly layer: Pick<Layer, "file"> };

/**
 * What a file of the repository decides holds only once the user has said yes to the file as it is.
 *
 * @param used values that would hold
 * @param own what the user's own files say
 * @throws {PitayaError} `untrusted` naming every such key and its file
 */
export function refuseUntrusted(used: Iterable<readonly [ConfigKey, Placed]>, own: OwnWord): void {
  const refused = [...used].flatMap(([key, { value, as, layer }]): Refused[] => {
    const { file } = layer;
    if (file === undefined || !isDoubtful(file)) return [];
    const decides = decidedBy(key, value, own);
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
