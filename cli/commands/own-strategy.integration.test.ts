import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeStrategyBundle } from "@pitaya/isolate";
import { expect, test } from "vitest";
import { useStage } from "../testing/stage.ts";

const stage = useStage();
const example = readFileSync(join(import.meta.dirname, "../../examples/fanout_two.ts"), "utf8");

test("a strategy of the user's own travels with its run, by its content", async () => {
  const { repository, coordinator } = stage;
  repository.write("fanout_two.ts", example);
  stage.start(["do it", "--detach", "--strategy", "./fanout_two.ts", "-S", "parallel=3"]);
  const { spec } = await coordinator.submitted();
  expect(spec.strategy).toMatchObject({
    ...{ name: "fanout-two", params: { parallel: 3 } },
    code: { file: "fanout_two.ts", export: "default" },
  });
  const parts: Uint8Array[] = [];
  const { blob } = spec.strategy.code ?? {};
  if (blob) for await (const part of coordinator.bus.blobs.get(blob)) parts.push(part);
  const bundle = decodeStrategyBundle(Buffer.concat(parts));
  expect(bundle.code).toContain("all of them failed");
  expect(JSON.stringify(bundle)).not.toContain(repository.path);
});

const KEY = "sk-ant-canary-0123456789abcdef";

test.each<[string, string, readonly string[], NodeJS.ProcessEnv, RegExp]>([
  ["holds a key", `${example}\nexport const key = "${KEY}";`, ["--api-key", KEY], {}, /credential/],
  ["is not wanted", example, [], { PITAYA_COORDINATOR__ALLOW_CUSTOM_CODE: "no" }, /not allowed/],
  ["takes no such parameter", example, ["-S", "many=3"], {}, /no such parameter/],
])("code that %s is not sent", async (_, code, flags, env, message) => {
  const { repository, coordinator } = stage;
  repository.write("mine.ts", code);
  const ended = await stage.pitaya(["do it", "--strategy", "mine.ts", ...flags], {
    env: { ANTHROPIC_API_KEY: KEY, ...env },
  });
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  expect(ended.stderr).not.toContain(KEY);
  expect(coordinator.submits).toEqual([]);
});
