const MAX_BRANCH_NAME_BYTES = 200;

/** Whether git takes `name` as a ref name below `refs/heads/` (the rules of `git check-ref-format`). */
export function isRefName(name: string): boolean {
  return (
    name !== "" &&
    name !== "@" &&
    name.isWellFormed() &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what git refuses
    !/[\x00-\x20\x7f~^:?*[\\]/.test(name) &&
    !name.includes("..") &&
    !name.includes("@{") &&
    !name.endsWith(".") &&
    name.split("/").every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock"))
  );
}

/**
 * Whether `name` may be a branch of Pitaya's making: a ref name that no git command takes for an
 * option, a remote's branch or something else, and that fits into a file name.
 */
export function isSafeBranchName(name: string): boolean {
  return (
    isRefName(name) &&
    !name.startsWith("-") &&
    name !== "HEAD" &&
    !name.startsWith("refs/") &&
    !name.startsWith("origin/") &&
    Buffer.byteLength(name) <= MAX_BRANCH_NAME_BYTES
  );
}

const PROTECTED = [/^(main|master|develop|stable)$/, /^(release|hotfix)\/./];

/** Branches that people share and that only they move. */
export const isProtectedBranch = (name: string): boolean =>
  PROTECTED.some((pattern) => pattern.test(name));
