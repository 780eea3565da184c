import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ComposeStack, composeStack } from "../support/compose-stack.ts";
import { branchesOf } from "../support/pitaya.ts";
import { KEY } from "../support/stack.ts";
import { commits } from "./commits.contract.ts";
import { mainJob } from "./main-job.contract.ts";
import { oddAgents } from "./odd-agents.contract.ts";
import { refusals } from "./refusals.contract.ts";
import { terminals } from "./terminals.contract.ts";

let stack: ComposeStack;
beforeAll(async () => {
  stack = await composeStack();
});
afterAll(() => stack?.leave());

describe("through docker compose, the same command", () => {
  mainJob(() => stack);
  commits(() => stack);
  refusals(() => stack);
  terminals(() => stack);
  oddAgents(() => stack);

  it("lists its runs", async () => {
    const { code, stdout } = await stack.user.run(["runs", "--json"], {
      cwd: await stack.repository(),
    });
    expect(code).toBe(0);
    expect(stdout).toContain("completed");
  });

  it("an agent behind the runner's gateway reaches its provider, which gets the key", async () => {
    const { user, model, repository } = stack;
    const cwd = await repository();
    const { url, id } = stack.modelFor("ok");
    const args = ["add a greeting", "--no-tui", "--network", "proxy", "--base-url", url];
    const { code, stderr } = await user.run(args, { cwd });
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await branchesOf(cwd)).toHaveLength(1);
    const keys = model.requests(id).map(({ credential }) => credential?.value);
    expect(new Set(keys)).toEqual(new Set([KEY.ANTHROPIC_API_KEY]));
  });

  it("finishes a run whose coordinator and runner-agent were killed and started again", async () => {
    const { user, model, repository } = stack;
    const cwd = await repository();
    const { url, id } = stack.modelFor("okslow");
    const running = user.start(["add a greeting", "--no-tui", "--base-url", url], { cwd });
    await model.requested(id, 1);
    await stack.restart("coordinator", "runner-agent");
    const { code, stderr } = await running.finished;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await branchesOf(cwd)).toHaveLength(1);
  });
});
