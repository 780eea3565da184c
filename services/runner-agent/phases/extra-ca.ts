import { loadText } from "@pitaya/bus";
import type { AttemptScope } from "./attempt-scope.ts";

/** Certificates to believe beside the usual ones, as PEM. */
export async function extraCaOf({ bus, command }: AttemptScope): Promise<string | undefined> {
  const { extraCa } = command.task;
  return extraCa && loadText(bus, extraCa);
}
