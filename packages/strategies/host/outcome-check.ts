import { isReservedResult, RESERVED_RESULTS, TaskKey } from "@pitaya/protocol";
import { z } from "zod";
import type { StrategyOutcome } from "../sdk.ts";
import { MAX_TASKS } from "./max-tasks.ts";

const MAX_METADATA_BYTES = 64 * 1024;
const MAX_FILE_BYTES = 1024 * 1024;
/**
 * Keys and metadata, which stand in one message of the log, instances by shorter names: ten thousand of
 * them, and beside them what there is of files and of a reason.
 */
const MAX_OUTCOME_BYTES = 208 * 1024;
/** Of an instance's id in a list. */
const ID_BYTES = 19;

const byteLength = (text: string) => Buffer.byteLength(text, "utf8");

const FILE_PATH = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

const isFilePath = (path: string) => path.length <= 200 && FILE_PATH.test(path);

/** @param others paths of the same outcome */
function problemWith(path: string, others: readonly string[]): string[] {
  if (!isFilePath(path)) return [`${path.slice(0, 200)} is no path for a file`];
  if (isReservedResult(path)) {
    return [`the file ${path} has a name of Pitaya's own: ${RESERVED_RESULTS.join(", ")}`];
  }
  const other = others.find((each) => isInPlaceOf(path, each) || isInPlaceOf(each, path));
  return other === undefined ? [] : [`the files ${other} and ${path} cannot both be there`];
}

/** One is the other, where case does not count, or would have to be a directory for it. */
const isInPlaceOf = (path: string, other: string): boolean =>
  `${path.toLowerCase()}/`.startsWith(`${other.toLowerCase()}/`);

const Outcome = z
  .strictObject({
    status: z.enum(["succeeded", "failed"]),
    reason: z
      .string()
      .transform((text) => text.slice(0, 2_000))
      .optional(),
    tasks: z.array(TaskKey).max(MAX_TASKS),
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
        z.string(),
        z.string().refine((text) => byteLength(text) <= MAX_FILE_BYTES, "a file has at most 1 MiB"),
      )
      .refine((files) => Object.keys(files).length <= 64, "at most 64 files")
      .superRefine((files, ctx) => {
        const [problem] = Object.keys(files).flatMap((path, at, all) =>
          problemWith(path, all.slice(0, at)),
        );
        if (problem !== undefined) ctx.addIssue({ code: "custom", message: problem });
      })
      .optional(),
  })
  .refine(
    ({ tasks, metadata = {} }) =>
      tasks.length * ID_BYTES + byteLength(JSON.stringify(metadata)) <= MAX_OUTCOME_BYTES,
    "so many tasks leave no room for so much metadata; files are for more",
  );

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
