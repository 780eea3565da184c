/**
 * What a resumed session is told, since a CLI takes no session without a prompt. The task itself is
 * in the conversation.
 */
export const RESUME_PROMPT = [
  "You were interrupted.",
  "The conversation and the files are as they were then, maybe in the middle of a step;",
  "whatever was still running has ended.",
  "Check the state of the files where it matters, and go on with the task until it is done.",
].join(" ");
