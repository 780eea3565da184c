import { ErrorCode } from "@pitaya/protocol";
import { z } from "zod";
import type { TestRun } from "./run-strategy.ts";
import type { Answer } from "./script.ts";

/** A test that says what is not understood would test nothing, and pass. */

const Texts = z.record(z.string(), z.string());
const isFunction = (value: unknown) => typeof value === "function";

const Run = z.strictObject({
  script: z.custom(isFunction, "expected a function that answers a task"),
  params: z.record(z.string(), z.unknown()).optional(),
  prompt: z.string().optional(),
  repository: Texts.optional(),
  branches: z.record(z.string(), Texts).optional(),
  files: Texts.optional(),
  plugins: z.array(z.string()).optional(),
  crash: z.enum(["never", "after-every-step"]).optional(),
  execution: z.int().positive().optional(),
  start: z.custom(isFunction, "expected a function").optional(),
} satisfies Record<keyof TestRun, z.ZodType>);

const afterMs = z.number().nonnegative().optional();

const FailedAnswer = z.strictObject({ error: ErrorCode, text: z.string().optional(), afterMs });

const DoneAnswer = z.strictObject({
  message: z.string().optional(),
  files: z.record(z.string(), z.string().nullable()).optional(),
  commits: z.int().nonnegative().optional(),
  output: z.json().optional(),
  costUsd: z.number().nonnegative().optional(),
  turns: z.int().nonnegative().optional(),
  exitCode: z.int().optional(),
  timedOut: z.boolean().optional(),
  stdout: z.string().optional(),
  afterMs,
});

/** @throws for what `runStrategy` does not understand */
export function checkTest(run: unknown): void {
  const { success, error } = Run.safeParse(run);
  if (!success) throw new Error(`what runStrategy was given ${nonsense(error)}`);
}

/** @throws for an answer that is none */
export function checkAnswer(key: string, answer: Answer | undefined): void {
  if (answer === "pending") return;
  const what = `the script's answer to the task "${key}"`;
  if (answer instanceof Promise) {
    // Told as this: what it may fail with as well would end the test's process.
    answer.catch(() => undefined);
    throw new Error(`${what} is a promise: it is not waited for, the script must not be async`);
  }
  const isFailed = typeof answer === "object" && answer !== null && "error" in answer;
  const { success, error } = (isFailed ? FailedAnswer : DoneAnswer).safeParse(answer);
  if (!success) throw new Error(`${what} ${nonsense(error)}`);
}

const nonsense = (error: z.ZodError) => `makes no sense: ${z.prettifyError(error)}`;
