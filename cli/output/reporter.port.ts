import type { OutwardEvent, Summary } from "@pitaya/views";

/**
 * How a command that follows a run tells about it.
 *
 * Implementations: `streaming.ts`, `json.ts`, `quiet.ts`, `live/live.ts`.
 */
export interface Reporter {
  /** In the order the events came; each once. */
  event(event: OutwardEvent): Promise<void>;
  /**
   * The run has ended, and this is all of it.
   * @param deleted refs that were imported and are not in the repository any more
   */
  end(summary: Summary, deleted: ReadonlySet<string>): Promise<void>;
  /** Takes away what it has on the screen. Called once, whatever happened. */
  close(): Promise<void>;
}
