/** Where the changes under review are to be found. */
export const changesOf = (compareWith: string | undefined): string =>
  compareWith === undefined
    ? "The changes are those of the last commit on the branch that is checked out."
    : `The changes are what the branch that is checked out has and ${compareWith} has not:
git diff ${compareWith}...HEAD`;
