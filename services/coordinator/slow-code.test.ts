import type { HostedExecution } from "@pitaya/strategies";
import { isFinalPhase, type RunView } from "@pitaya/views";
import { expect, it } from "vitest";
import type { StrategyCode } from "./ports/strategy-code.port.ts";
import { fakeRunner, succeeded } from "./testing/fake-runner.ts";
import { oneTaskCode } from "./testing/one-task-code.ts";
import { runWorld } from "./testing/run-world.ts";

const SLOW = `run_20260102_030405_${"5".repeat(8)}`;
const OTHER = `run_20260102_030405_${"6".repeat(8)}`;

/** Code of one task; that of the run SLOW goes on only when it is let. */
function slowCode() {
  const holds = { start: Promise.withResolvers<void>(), deliver: Promise.withResolvers<void>() };
  const code: StrategyCode = {
    async start(spec, ...rest) {
      const isSlow = spec.run === SLOW;
      if (isSlow) await holds.start.promise;
      const hosted = await oneTaskCode.start(spec, ...rest);
      if (!isSlow) return hosted;
      const deliver: HostedExecution["deliver"] = async (...told) => {
        await holds.deliver.promise;
        await hosted.deliver(...told);
      };
      return new Proxy(hosted, {
        get: (of, name) => (name === "deliver" ? deliver : Reflect.get(of, name)),
      });
    },
  };
  return { holds, code };
}

it("code that is slow to start, or to go on, keeps no other run waiting", async () => {
  const w = await runWorld();
  const { holds, code } = slowCode();
  await w.startCoordinator("coord-1", { strategies: code }).deciding;
  const runner = await fakeRunner(w.broker.connect("runner-1"), "runner-1");
  const over = ({ phase }: RunView) => isFinalPhase(phase);
  await w.submit(w.spec({ run: SLOW }));
  await w.until(SLOW, ({ executions }) => executions.size === 1);
  const others = [OTHER, OTHER.replaceAll("6", "7")];
  const workOn = async (run = "") => {
    await w.submit(w.spec({ run }));
    const attempt = await runner.take();
    expect(attempt.start.run).toBe(run);
    await attempt.tell(succeeded());
    expect((await w.until(run, over)).phase).toBe("succeeded");
  };

  await workOn(others[0]);
  holds.start.resolve();
  await (await runner.take()).tell(succeeded());
  await workOn(others[1]);
  holds.deliver.resolve();
  expect((await w.until(SLOW, over)).phase).toBe("succeeded");
});
