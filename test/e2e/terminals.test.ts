import { afterAll, beforeAll } from "vitest";
import { embeddedStack, type Stack } from "../support/stack.ts";
import { commits } from "./commits.contract.ts";
import { terminals } from "./terminals.contract.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await embeddedStack();
});
afterAll(() => stack.leave());

commits(() => stack);
terminals(() => stack);
