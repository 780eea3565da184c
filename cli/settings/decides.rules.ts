import { isAbsolute, normalize } from "node:path";
import { strategyNames } from "@pitaya/strategies";
import { type ConfigKey, isPluginKey } from "./layers.ts";
import type { OwnWord } from "./own-word.rules.ts";

/**
 * What a value of a repository's file would decide that is the user's alone to decide: where a
 * credential or the code goes, and what runs or is written on the user's own machine. Undefined for
 * a value that anybody may choose.
 */
export function decidedBy(key: ConfigKey, value: unknown, own: OwnWord): string | undefined {
  if (key === "nats.url" || key === "nats.creds") return "which server gets the code";
  if (key === "runner.docker_image") return "which program gets the code and the credential";
  if (isPluginKey(key)) return "which program gets the code and the credential";
  if (/^strategies\..+\.verify$/.test(key)) return "which program gets the code";
  if (key === "runner.network_egress" && own(key) === "offline") {
    return value === "offline" ? undefined : "that agents reach the network";
  }
  if (key === "coordinator.allow_custom_code") return "whether code of one's own makes runs";
  if (key === "strategy") {
    return strategyNames.includes(String(value)) ? undefined : "which code makes the run";
  }
  if (key === "logs_dir" || key === "results_dir") {
    return leadsOut(String(value)) ? "what is written outside of the repository" : undefined;
  }
  return undefined;
}

const leadsOut = (path: string): boolean =>
  isAbsolute(path) || path.startsWith("~") || /^\.\.(\/|$)/.test(normalize(path));
