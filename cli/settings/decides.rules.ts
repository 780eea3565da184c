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
  if (key === "runner.extra_ca") return "whom agents believe with the credential";
  if (key === "runner.network_allow") return "where the code may go";
  if (isPluginKey(key)) return "which program gets the code and the credential";
  if (/^strategies\..+\.verify$/.test(key)) return "which program gets the code";
  if (key === "runner.network_egress") {
    return opens(value, own(key)) ? "that agents reach more of the network" : undefined;
  }
  // With `.` for one a run would show nothing.
  if (key === "logging.redaction.custom_patterns") return "what you get to see";
  if (key === "orchestration.allow_overwrite_protected_refs") {
    return value === true ? "whether protected branches are overwritten" : undefined;
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

/** Whether it lets agents reach more than the user's own word, where there is one. */
function opens(value: unknown, own: unknown): boolean {
  const from = EGRESS.indexOf(String(own));
  return from >= 0 && EGRESS.indexOf(String(value)) > from;
}

/** From the least to the most that agents reach. */
const EGRESS: readonly string[] = ["offline", "proxy", "online"];

const leadsOut = (path: string): boolean =>
  isAbsolute(path) || path.startsWith("~") || /^\.\.(\/|$)/.test(normalize(path));
