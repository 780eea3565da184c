import { PitayaError } from "@pitaya/protocol";
import { expect, test } from "vitest";
import { ownServerFault } from "./embedded.ts";

test("of the embedded stack's own server no address is told, but what can be done about it", () => {
  const unheard = new PitayaError(
    "bus_unavailable",
    "No NATS server at nats://127.0.0.1:4: TIMEOUT.",
    {
      hint: "Check the address, and that the server runs.",
    },
  );
  expect(ownServerFault(unheard)).toMatchObject({
    code: "bus_unavailable",
    message: expect.not.stringContaining("127.0.0.1"),
    hint: expect.stringMatching(/`pitaya status`.*`pitaya down`/),
  });
  const denied = new PitayaError("permission_denied", "not yours");
  expect(ownServerFault(denied)).toBe(denied);
});
