/**
 * The commit contract as agents are told it. Part of every task whose work is imported; what is
 * not committed comes back only as a patch.
 */
export const COMMIT_INSTRUCTION = [
  "Commit your work with git, in small steps, on the branch that is checked out.",
  "Only commits count: what is not committed when you finish is left behind.",
  "Do not create other branches or tags, do not rewrite commits you did not make, do not push.",
].join(" ");
