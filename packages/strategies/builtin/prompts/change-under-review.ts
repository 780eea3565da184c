/**
 * Where somebody finds the commits to look at. The branch they started from stands in the workspace
 * beside them.
 */
export const changeUnderReview = (commits: number, baseBranch: string): string =>
  `The change is the last ${commits === 1 ? "commit" : `${commits} commits`} on the branch that is checked out. It started from ${baseBranch}:
git diff ${baseBranch}...HEAD`;
