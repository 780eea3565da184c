import type { AttemptName, Execution, Executor, FakeExecutor } from "@pitaya/runner-agent/testing";
import type { Network } from "./network.ts";

/** The engine of a host as one incarnation of its runner-agent has it: every answer takes its time. */
export function simulatedEngine(
  net: Network,
  engine: FakeExecutor,
  began: (name: AttemptName) => Promise<void> = async () => {},
): Executor {
  const { life } = net;

  function executionOf(inner: Execution): Execution {
    const ended = new AbortController();
    type Item = Execution["output"] extends AsyncIterable<infer T> ? T : never;
    const line = net.line<Item | "last">("agent output");
    life.onDeath.push(() => inner.detach());
    const pump = async () => {
      for await (const value of inner.output) line.push(value);
      line.push("last");
    };
    void pump();
    async function* output() {
      for await (const item of line.items(ended.signal)) {
        if (item === "last") return;
        yield item;
      }
    }
    return {
      output: output(),
      exit: net.local("agent ended", () => inner.exit),
      signal: (signal) => net.local(`sent ${signal}`, () => inner.signal(signal)),
      detach() {
        inner.detach();
        ended.abort();
      },
    };
  }

  return {
    open: () => net.local("engine open", () => engine.open()),
    resolveImage: (reference, program) =>
      net.local("image resolved", () => engine.resolveImage(reference, program)),
    openGateway: (accept) => net.local("gateway open", () => engine.openGateway(accept)),
    hasPack: (sha256) => net.local("pack looked for", () => engine.hasPack(sha256)),
    storePack: (pack, path) => net.local("pack stored", () => engine.storePack(pack, path)),
    prepare: (spec) => net.local("container made", () => engine.prepare(spec)),
    async start(name, secrets) {
      const deed = async () => {
        const started = await engine.start(name, secrets);
        await began(name);
        return started;
      };
      return executionOf(await net.local("container started", deed));
    },
    adopt: async (name, from) =>
      executionOf(await net.local("container adopted", () => engine.adopt(name, from))),
    harvest: (name, toDir, maxBytes, sessionFiles) =>
      net.local("harvested", () => engine.harvest(name, toDir, maxBytes, sessionFiles)),
    snapshot: (name, options) => net.local("snapshot taken", () => engine.snapshot(name, options)),
    diskBytes: (names) => net.local("disk measured", () => engine.diskBytes(names)),
    remove: (name) => net.local("container removed", () => engine.remove(name)),
    list: () => net.local("containers listed", () => engine.list()),
    leftovers: (keep) => net.local("strangers listed", () => engine.leftovers(keep)),
    pause: (name) => net.local("container paused", () => engine.pause(name)),
    unpause: (name) =>
      net.local("container goes on", async () => {
        await engine.unpause(name);
        await began(name);
      }),
    reap: (keep) => net.local("strangers removed", () => engine.reap(keep)),
    close: async () => engine.close(),
  };
}
