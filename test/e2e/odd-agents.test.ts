import { afterAll, beforeAll } from "vitest";
import { embeddedStack, type Stack } from "../support/stack.ts";
import { oddAgents } from "./odd-agents.contract.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await embeddedStack();
});
afterAll(() => stack.leave());

oddAgents(() => stack);
