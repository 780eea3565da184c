import { isFinalPhase, type RunView } from "@pitaya/views";
import type { Importer } from "../import/importer.ts";
import type { FeedItem, RunFeed } from "./run-feed.ts";

/** Nothing more happens to this run unless somebody resumes it. */
export const isAtRest = (view: Pick<RunView, "phase">): boolean =>
  isFinalPhase(view.phase) || view.phase === "interrupted";

/**
 * Offers branches for import as a run's events tell of them.
 *
 * Only once the log is read: further on in it an instance may be imported already. All instances are
 * looked at once for what can have changed all: a run has thousands of them, and thousands of events.
 */
export function offering(
  branches: Pick<Importer, "offer">,
  feed: Pick<RunFeed, "view" | "caughtUp">,
): (item: FeedItem) => void {
  let wasAtRest = false;
  return (item) => {
    if (!feed.caughtUp) return;
    const { view } = feed;
    // The view can be ahead of the items: all it has is offered before the run is called done.
    const isNewlyAtRest = !wasAtRest && isAtRest(view);
    wasAtRest = isAtRest(view);
    if (isNewlyAtRest || item.kind === "caughtUp") return branches.offer(view);
    if (item.kind !== "event" || item.event.kind !== "decision") return;
    const { entry } = item.event;
    if (entry.type === "strategy.completed") return branches.offer(view);
    const row = entry.type === "instance.succeeded" && view.instances.get(entry.instance);
    if (row) branches.offer(view, row);
  };
}
