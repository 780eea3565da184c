import type { ErrorCode } from "@pitaya/protocol";

/** What to do about an agent's failure, whatever CLI it is: it only says what was wrong. */
export const FAILURE_HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  credentials_refused:
    "Check the key or token, what it may do, and the account's credit; give another one in the environment, by --api-key or by --oauth-token.",
  invalid_model: "Name another model with --model.",
  rate_limited: "Try again later, or with fewer agents at once (--max-parallel).",
  overloaded: "Try again later, or name another model with --model.",
  provider_error: "Try again later; if it stays, look whether the provider tells of an outage.",
  provider_unreachable:
    "Check the provider's address (--base-url), and whether a container on the runner reaches it.",
  context_too_long: "Shorten the prompt, or split the task.",
  model_refused: "Put the prompt in other words, or name another model with --model.",
  max_turns: "Allow more turns, or split the task.",
  budget: "Allow more money, or split the task.",
};
