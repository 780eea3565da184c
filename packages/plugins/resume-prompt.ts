/**
 * What a resumed session is told, since a CLI takes no session without a prompt. The task itself is
 * in the conversation; what a snapshot does not bring along is not.
 */
export const RESUME_PROMPT = [
  "You were interrupted, and go on in a new container.",
  "The conversation and the repository are as they were then, maybe in the middle of a step.",
  "What git ignores (installed packages, build output), files outside of the repository, and",
  "programs that were running are gone.",
  "Check what matters, and go on with the task until it is done.",
].join(" ");
