import { TaskKey } from "@pitaya/protocol";
import { z } from "zod";
import type { StrategyOutcome } from "../sdk.ts";

const MAX_METADATA_BYTES = 64 * 1024;
const MAX_FILE_BYTES = 1024 * 1024;

const byteLength = (text: string) => Buffer.byteLength(text, "utf8");

const FilePath = z
  .string()
  .max(200)
  .regex(
    /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/,
    "is no path for a file",
  );

const Outcome = z.strictObject({
  status: z.enum(["succeeded", "failed"]),
  reason: z
    .string()
    .transform((text) => text.slice(0, 2_000))
    .optional(),
  tasks: z.array(TaskKey).max(10_000),
  chosen: TaskKey.optional(),
  metadata: z
    .record(z.string(), z.json())
    .refine(
      (metadata) => byteLength(JSON.stringify(metadata)) <= MAX_METADATA_BYTES,
      "metadata has at most 64 KiB as JSON; files are for more",
    )
    .optional(),
  files: z
    .record(
      FilePath,
      z.string().refine((text) => byteLength(text) <= MAX_FILE_BYTES, "a file has at most 1 MiB"),
    )
    .refine((files) => Object.keys(files).length <= 64, "at most 64 files")
    .optional(),
});

/** An outcome as code gave it, or what is wrong with it. Code without types may give anything. */
export function checkOutcome(
  given: unknown,
): { readonly outcome: StrategyOutcome } | { readonly wrong: string } {
  const parsed = Outcome.safeParse(given);
  if (!parsed.success) return { wrong: z.prettifyError(parsed.error) };
  return { outcome: withoutUndefined(parsed.data) as StrategyOutcome };
}

const withoutUndefined = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
