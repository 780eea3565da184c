import { z } from "zod";
import { BlobRef } from "./blobs.ts";

/** Where a file goes in a workspace, or below a run's results: relative, with `/`, no `.` or `..`. */
export const RunFilePath = z
  .string()
  .min(1)
  .max(1_024)
  .refine(
    (path) =>
      !path.includes("\0") &&
      path.split("/").every((part) => part !== "" && part !== "." && part !== "..") &&
      path.split("/")[0]?.toLowerCase() !== ".git",
    "expected a relative path without empty parts, . and .., outside .git",
  );

/** Largest file that travels with a run, in bytes. */
export const MAX_RUN_FILE_BYTES = 16 * 1024 * 1024;

/** A file that a parameter of the strategy names, as the cli read it at submission. */
export const RunFile = z.object({
  /** The parameter's value. Of a directory, every file in it has the same name. */
  name: z.string().min(1).max(4_096),
  /** strategy: its text is for the strategy's code; task: it is for verify tasks. */
  use: z.enum(["strategy", "task"]),
  /** Below the root of the repository; of a file outside it, its own name. */
  path: RunFilePath,
  executable: z.boolean(),
  blob: BlobRef,
});
export type RunFile = z.infer<typeof RunFile>;
