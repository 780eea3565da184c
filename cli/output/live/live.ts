import type { Clock } from "@pitaya/actors/clock";
import { activities, type RunView } from "@pitaya/views";
import type { Console } from "../../console.ts";
import type { Reporter } from "../reporter.port.ts";
import { summaryText } from "../summary-text.rules.ts";
import { frameOf } from "./frame.rules.ts";
import type { Screen } from "./screen.ts";

/** Ten frames a second at most, and one a second for the time to move on. */
const FRAME_PAUSE_MS = 100;
const CLOCK_PAUSE_MS = 1_000;

/** A few lines that are drawn again as the run goes on; the summary on stdout at its end. */
export function liveReporter(options: {
  readonly console: Console;
  readonly screen: Screen;
  readonly clock: Clock;
  readonly view: RunView;
  readonly footer: string;
  readonly resultsPath: string | undefined;
}): Reporter {
  const { console, screen, clock, view, footer, resultsPath } = options;
  const doing = activities();
  let cancelTimer = () => {};
  let soon = false;
  let closed = false;

  function draw(): void {
    if (closed) return;
    soon = false;
    const { columns, rows } = screen.output;
    const input = { view, activities: doing.of, now: clock.now(), columns, rows, footer };
    screen.draw(frameOf(input));
    cancelTimer = clock.setTimer(CLOCK_PAUSE_MS, draw);
  }

  draw();
  return {
    async event(event) {
      doing.apply(event);
      if (soon || closed) return;
      soon = true;
      cancelTimer();
      cancelTimer = clock.setTimer(FRAME_PAUSE_MS, draw);
    },
    async end(summary, deleted) {
      await this.close();
      await console.result(summaryText(summary, resultsPath, deleted));
    },
    async close() {
      if (closed) return;
      closed = true;
      cancelTimer();
      await screen.close();
    },
  };
}
