import { expect, it } from "vitest";
import { assign, setup } from "xstate";
import { advance, born, freeze, thaw } from "./step.ts";

const lamp = setup({
  types: {
    context: {} as { presses: number },
    events: {} as { type: "PRESS" } | { type: "BREAK" } | { type: "SHOUT" },
  },
}).createMachine({
  id: "lamp",
  context: { presses: 0 },
  initial: "off",
  on: { BREAK: ".broken" },
  states: {
    off: {
      on: {
        PRESS: { target: "on", actions: assign({ presses: ({ context }) => context.presses + 1 }) },
        SHOUT: { actions: () => undefined },
      },
    },
    on: { on: { PRESS: "off" } },
    broken: { type: "final" },
  },
});

it("leaves a final state by nothing, not even by a handler above it", () => {
  const broken = advance(lamp, born(lamp, undefined), { type: "BREAK" });
  expect(broken.value).toBe("broken");
  expect(advance(lamp, broken, { type: "PRESS" })).toBe(broken);
  expect(advance(lamp, broken, { type: "BREAK" })).toBe(broken);
});

it("survives JSON", () => {
  const on = advance(lamp, born(lamp, undefined), { type: "PRESS" });
  const again = thaw(lamp, JSON.parse(JSON.stringify(freeze(lamp, on))));
  expect(again.value).toBe("on");
  expect(advance(lamp, again, { type: "PRESS" }).context.presses).toBe(1);
});

it("refuses a machine that would act by itself", () => {
  expect(() => advance(lamp, born(lamp, undefined), { type: "SHOUT" })).toThrow(/effect/);
});
