import { writeFileSync } from "node:fs";
import type { Reporter, SerializedError, TestModule, Vitest } from "vitest/node";
import { summaryLine, type Tally, tallyFiles } from "./tally.ts";

/** Where `npm test` wants the tally, which it then adds to its own checks and prints itself. */
export const tallyFileVariable = "PITAYA_TALLY_FILE";

/** Counts a whole run over all projects; its line is the last the process prints. */
export default class SummaryReporter implements Reporter {
  #asked: RegExp | undefined;

  onInit(vitest: Vitest): void {
    const pattern = vitest.config.testNamePattern;
    // Names are matched with blanks between the groups, as the runner does it.
    this.#asked = pattern && new RegExp(pattern.source, pattern.flags.replace("g", ""));
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const files = modules.map((module) => ({
      failed: module.state() === "failed",
      tests: [...module.children.allTests()].map((test) => ({
        fullName: test.fullName.replaceAll(" > ", " "),
        state: test.result().state,
      })),
    }));
    report(tallyFiles(files, errors.length, this.#asked));
  }
}

function report(tally: Tally): void {
  const file = process.env[tallyFileVariable];
  if (file) writeFileSync(file, JSON.stringify(tally));
  else process.once("exit", () => console.log(summaryLine(tally)));
}
