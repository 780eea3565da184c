import { afterAll, beforeAll } from "vitest";
import { embeddedStack, type Stack } from "../support/stack.ts";
import { mainJob } from "./main-job.contract.ts";

let stack: Stack;
beforeAll(async () => {
  stack = await embeddedStack();
});
afterAll(() => stack.leave());

mainJob(() => stack);
