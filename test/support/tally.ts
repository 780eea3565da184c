/** How many checks passed and how many did not. A check is a test, or a tool that found nothing to say. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

export const nothing: Tally = { passed: 0, failed: 0 };

export function add(...tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((sum, tally) => sum + tally.passed, 0),
    failed: tallies.reduce((sum, tally) => sum + tally.failed, 0),
  };
}

/** The last line of a test run. */
export function summaryLine(tally: Tally): string {
  return `${tally.passed} passed, ${tally.failed} failed`;
}

/** Nothing passed is no success either: it is what a run prints that found no tests. */
export function isSuccess(tally: Tally): boolean {
  return tally.failed === 0 && tally.passed > 0;
}

export type TestState = "passed" | "failed" | "skipped" | "pending";

export interface FinishedTest {
  readonly fullName: string;
  readonly state: TestState;
}

/** A test file, or one of its groups, as the runner left it. */
export interface FinishedFile {
  readonly failed: boolean;
  readonly tests: readonly FinishedTest[];
}

/**
 * Every test that did not pass counts as failed: skipped, to do, or never ended. So does a file that
 * did not load or whose set-up failed with no test to show for it, and an error outside any test.
 *
 * @param asked the pattern of names a person asked for; others were never meant to run
 */
export function tallyFiles(
  files: readonly FinishedFile[],
  errorsOutsideTests: number,
  asked: RegExp | undefined,
): Tally {
  const perFile = files.map((file) => {
    const meant = file.tests.filter((test) => !isFilteredOut(test, asked));
    const passed = meant.filter((test) => test.state === "passed").length;
    const failed = meant.length - passed;
    return { passed, failed: failed === 0 && file.failed ? 1 : failed };
  });
  return add(...perFile, { passed: 0, failed: errorsOutsideTests });
}

function isFilteredOut(test: FinishedTest, asked: RegExp | undefined): boolean {
  return asked !== undefined && test.state === "skipped" && !asked.test(test.fullName);
}
