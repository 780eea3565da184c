/** Where somebody finds the commits to look at: a workspace has no other branch to compare with. */
export const changeUnderReview = (commits: number, baseBranch: string): string =>
  commits === 1
    ? `The change is the last commit on the branch that is checked out, which started from ${baseBranch}.`
    : `The change is the last ${commits} commits on the branch that is checked out, which started from ${baseBranch}.`;
