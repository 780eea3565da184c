import { PitayaError } from "@pitaya/protocol";
import { z } from "zod";

/** Longest bundle, as it is stored: code, and where in its sources each part of it comes from. */
export const MAX_STRATEGY_BUNDLE_BYTES = 8 * 1024 ** 2;

/**
 * A strategy's file with all it imports, as one script. It leaves in the global `pitayaBundle` what
 * the file exports, as `exported`, and what the SDK's errors are made with.
 */
export const StrategyBundle = z.object({
  v: z.literal(1),
  /** The file it was made from, for messages: relative to the repository. */
  file: z.string().max(4_096),
  code: z.string(),
  /** Source map, JSON, without the sources' text. */
  map: z.string().optional(),
});
export type StrategyBundle = z.infer<typeof StrategyBundle>;

/** The same bundle is the same bytes. @throws `usage` where it is too large */
export function encodeStrategyBundle(bundle: StrategyBundle): Uint8Array {
  const { v, file, code, map } = bundle;
  const bytes = Buffer.from(JSON.stringify({ v, file, code, map }));
  if (bytes.byteLength <= MAX_STRATEGY_BUNDLE_BYTES) return bytes;
  const mebibytes = (bytes.byteLength / 1024 ** 2).toFixed(1);
  throw new PitayaError(
    "usage",
    `strategy ${file} with all it imports is ${mebibytes} MiB; at most 8 MiB can be had`,
    { hint: "Import less, or only the part of a package that is needed." },
  );
}

/** @throws `malformed_message` */
export function decodeStrategyBundle(bytes: Uint8Array): StrategyBundle {
  if (bytes.byteLength > MAX_STRATEGY_BUNDLE_BYTES) {
    throw new PitayaError("malformed_message", "a strategy's bundle is over 8 MiB");
  }
  try {
    return StrategyBundle.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (error) {
    throw new PitayaError("malformed_message", "what is stored as a strategy is none", {
      cause: error,
    });
  }
}
