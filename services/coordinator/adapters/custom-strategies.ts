import type { Bus } from "@pitaya/bus";
import { decodeStrategyBundle, isolatedExecution } from "@pitaya/isolate";
import { type BlobRef, PitayaError, type RunSpec } from "@pitaya/protocol";
import { commonParams, type ParsedParams, type Strategy } from "@pitaya/strategies";
import { z } from "zod";
import type { StrategyCode } from "../ports/strategy-code.port.ts";
import { hostOptions } from "./built-in-strategies.ts";

/**
 * Strategies of the users' own, each execution in an isolate of its own; all others are `shipped`'s.
 * The code is the one that was submitted, whichever coordinator runs it.
 */
export function customStrategies(
  bus: Pick<Bus, "blobs">,
  shipped: StrategyCode,
  options: {
    readonly isAllowed: boolean;
    log(run: string, message: string): void;
  },
): StrategyCode {
  return {
    async start(spec, execution, texts, recorded) {
      const { code } = spec.strategy;
      if (code === undefined) return shipped.start(spec, execution, texts, recorded);
      if (!options.isAllowed) throw refusal(spec);
      const bundle = decodeStrategyBundle(await bytesOf(bus, code.blob));
      const start = isolatedExecution(bundle, code.export);
      return start(placeholder(spec), {
        ...hostOptions(spec, execution, paramsOf(spec), texts, recorded),
        log: (message) => options.log(spec.run, `${execution}: ${message}`),
      });
    },
  };
}

/** Refuses at submission what is not run here. @throws `usage` */
export function checkCustomCode(spec: RunSpec, isAllowed: boolean): void {
  if (!isAllowed) throw refusal(spec);
  if (spec.executions > MAX_EXECUTIONS) {
    const message = `a strategy of one's own is executed at most ${MAX_EXECUTIONS} times in a run`;
    throw new PitayaError("usage", message, { hint: `--runs ${MAX_EXECUTIONS} or less.` });
  }
}

/** Each has a thread and an interpreter of its own, some 40 MiB. */
const MAX_EXECUTIONS = 16;

const refusal = ({ strategy }: RunSpec) =>
  new PitayaError(
    "usage",
    `${strategy.code?.file} is not run: this coordinator takes no custom code`,
    {
      hint: "coordinator.allow_custom_code of its configuration decides that. A strategy that Pitaya ships runs anywhere.",
    },
  );

/** Its own parameters are for its own schema to read, where it is; every strategy's are read here. */
function paramsOf({ strategy }: RunSpec): ParsedParams {
  const common = commonParams.safeParse(strategy.params);
  if (common.success) return { ...strategy.params, ...common.data } as ParsedParams;
  const what = `-S for strategy ${strategy.name}: ${z.prettifyError(common.error)}`;
  throw new PitayaError("usage", what);
}

/** What is known of it here: its code is elsewhere. */
const placeholder = ({ strategy }: RunSpec): Strategy => ({
  name: strategy.name,
  params: z.object({}),
  execute: () => Promise.reject(new PitayaError("internal", "this code is elsewhere")),
});

async function bytesOf(bus: Pick<Bus, "blobs">, blob: BlobRef): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of bus.blobs.get(blob)) parts.push(part);
  return Buffer.concat(parts);
}
