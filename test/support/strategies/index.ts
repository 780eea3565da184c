import type { Strategy } from "@pitaya/strategies";
import { allFail } from "./all-fail.ts";
import { twoStage } from "./two-stage.ts";

/** Strategies that only tests have; `coordinator.ts` and `pitaya.ts` are the programs that know them. */
export const testStrategies: readonly Strategy[] = [twoStage, allFail];
