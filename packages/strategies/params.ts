import { z } from "zod";

/**
 * What the cli does with a parameter before it submits the run. It stands in the JSON Schema of the
 * parameters under {@link PARAM_MARK}, wherever in it the string is.
 *
 * - text-file: names a file; its text is `files[value]` of the strategy's input.
 * - task-file: names a file or directory that goes with the run, for `verify.files` of tasks.
 * - branch: names a branch of the repository; it goes with the run, and tasks may stand on it.
 * - plugin: names a plugin; the run is submitted with what it takes to call it.
 *
 * A parameter that is a list may also be written as one text with commas between.
 */
export type ParamMark = "text-file" | "task-file" | "branch" | "plugin";

export const PARAM_MARK = "x-pitaya";

const marked = (mark: ParamMark) =>
  z
    .string()
    .min(1)
    .max(4_096)
    .meta({ [PARAM_MARK]: mark });

/** A file whose text the strategy gets: `files[params.pages_file]`. */
export const textFileParam = () => marked("text-file");
/** A file or directory for verify tasks. */
export const taskFileParam = () => marked("task-file");
export const branchParam = () => marked("branch");
export const pluginParam = () => marked("plugin");

/** What every strategy takes, without saying so. */
export const commonParams = z.object({
  /** Instead of the run's, for tasks that name none. */
  model: z.string().min(1).max(200).optional(),
  /** Branches of the repository that stand in the workspaces beside the base. */
  include_branches: z.array(branchParam()).max(16).optional(),
  /** Before every key. */
  key_prefix: z
    .string()
    .min(1)
    .max(60)
    .regex(/^[A-Za-z0-9._/-]+$/, { error: "expected letters, digits and . _ / -" })
    .optional(),
});
export type CommonParams = z.output<typeof commonParams>;

type StepParams<S extends string> = {
  [K in `${S}_prompt` | `${S}_model`]: z.ZodOptional<z.ZodString>;
};

/** `<step>_prompt` and `<step>_model` for each step, to be spread into a strategy's parameters. */
export function stepParams<S extends string>(...steps: readonly S[]): StepParams<S> {
  const entries = steps.flatMap((step) => [
    [`${step}_prompt`, z.string().min(1).optional()],
    [`${step}_model`, z.string().min(1).max(200).optional()],
  ]);
  return Object.fromEntries(entries) as StepParams<S>;
}
