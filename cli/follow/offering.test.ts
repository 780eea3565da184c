import type { InstanceView, RunView } from "@pitaya/views";
import { expect, it } from "vitest";
import { offering } from "./offering.rules.ts";
import type { FeedItem } from "./run-feed.ts";

const decided = (entry: object) =>
  ({ kind: "event", outward: [], event: { kind: "decision", entry } }) as unknown as FeedItem;

it("looks at all instances for what concerns all of them, and at one for what concerns one", () => {
  const view = { phase: "executing", instances: new Map([["i1", { instance: "i1" }]]) };
  const offers: (string | undefined)[] = [];
  const offer = (_: RunView, only?: InstanceView) => void offers.push(only?.instance);
  const feed = { view: view as unknown as RunView, caughtUp: false };
  const take = offering({ offer }, feed);
  const succeeded = decided({ type: "instance.succeeded", instance: "i1" });

  // Further on in the log it may be imported already.
  take(succeeded);
  feed.caughtUp = true;
  take({ kind: "caughtUp" });
  take(succeeded);
  take(decided({ type: "strategy.completed" }));
  expect(offers).toEqual([undefined, "i1", undefined]);

  // The view is ahead of what is left to be told: a look for each of that would be a look too many.
  view.phase = "failed";
  for (let n = 0; n < 1_000; n += 1) take(decided({ type: "instance.cancelled", instance: "i1" }));
  expect(offers).toHaveLength(4);
});
