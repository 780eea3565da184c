import { expect, it } from "vitest";
import { FULL_BELOW_BYTES, ROOM_AGAIN_BYTES, storeRoom } from "./store-room.rules.ts";

const look = (freeBytes: number, failedToWrite = false) => ({ freeBytes, failedToWrite });

it("a full disk stays full until there is room to speak of, and then the server is started anew", () => {
  expect(storeRoom(false, look(FULL_BELOW_BYTES))).toEqual({ full: false, renew: false });
  expect(storeRoom(false, look(FULL_BELOW_BYTES - 1))).toEqual({ full: true, renew: false });
  expect(storeRoom(true, look(ROOM_AGAIN_BYTES - 1))).toEqual({ full: true, renew: false });
  expect(storeRoom(true, look(ROOM_AGAIN_BYTES))).toEqual({ full: true, renew: true });
});

it("a server that could not write is started anew, though there is room by now", () => {
  expect(storeRoom(false, look(ROOM_AGAIN_BYTES, true))).toEqual({ full: true, renew: true });
});
