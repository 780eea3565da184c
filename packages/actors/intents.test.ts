import { describe, expect, it } from "vitest";
import { manualClock } from "./clock.ts";
import { type Intent, intentRunner } from "./intents.ts";

/** Deeds that are ended by hand, each with the signal it was given. */
function world() {
  const clock = manualClock();
  const begun: string[] = [];
  const open = new Map<string, { readonly signal: AbortSignal; done(): void; fail(): void }>();
  const runner = intentRunner<Intent>({
    clock,
    perform: ({ id }, signal) => {
      begun.push(id);
      return new Promise((resolve, reject) => {
        open.set(id, { signal, done: resolve, fail: () => reject(new Error(id)) });
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    },
    onError: (_, __, failures) => ({ retryAfterMs: failures * 100 }),
  });
  const want = (...ids: string[]) => runner.reconcile(ids.map((id) => ({ id })));
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return { clock, begun, open, runner, want, settle };
}

describe("an intent", () => {
  it("is begun once, however often the state is looked at", async () => {
    const w = world();
    w.want("a");
    w.want("a", "b");
    w.want("b", "a");
    expect(w.begun).toEqual(["a", "b"]);
  });

  it("is not repeated after it succeeded while it stays wanted, and is when it is wanted anew", async () => {
    const w = world();
    w.want("a");
    w.open.get("a")?.done();
    await w.settle();
    w.want("a");
    expect(w.begun).toEqual(["a"]);
    w.want();
    w.want("a");
    expect(w.begun).toEqual(["a", "a"]);
  });

  it("that is no longer wanted is aborted", () => {
    const w = world();
    w.want("a", "b");
    w.want("b");
    expect(w.open.get("a")?.signal.aborted).toBe(true);
    expect(w.open.get("b")?.signal.aborted).toBe(false);
  });

  it("that fails is tried again after its pause, and not before", async () => {
    const w = world();
    w.want("a");
    w.open.get("a")?.fail();
    await w.settle();
    w.clock.advance(99);
    expect(w.begun).toEqual(["a"]);
    w.clock.advance(1);
    expect(w.begun).toEqual(["a", "a"]);
    w.open.get("a")?.fail();
    await w.settle();
    w.clock.advance(200);
    expect(w.begun).toHaveLength(3);
  });

  it("that failed and is no longer wanted is not tried again", async () => {
    const w = world();
    w.want("a");
    w.open.get("a")?.fail();
    await w.settle();
    w.want();
    w.clock.advance(10_000);
    expect(w.begun).toEqual(["a"]);
    expect(w.clock.pending).toBe(0);
  });
});

it("stop aborts all and waits for it", async () => {
  const w = world();
  w.want("a", "b");
  await w.runner.stop();
  expect([...w.open.values()].every(({ signal }) => signal.aborted)).toBe(true);
});
