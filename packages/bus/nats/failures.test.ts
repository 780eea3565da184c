import { JetStreamApiError } from "@nats-io/jetstream";
import {
  AuthorizationError,
  ClosedConnectionError,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
  TimeoutError,
} from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { busError, Interrupted, isPassing } from "./failures.ts";

const api = (err_code: number, code: number, description: string) =>
  new JetStreamApiError({ err_code, code, description });

const failures: readonly (readonly [what: string, error: Error, passing: boolean, code: string])[] =
  [
    ["a time-out", new TimeoutError(), true, "bus_unavailable"],
    ["a lost connection", new Interrupted("lost"), true, "bus_unavailable"],
    [
      "a lost connection under a request",
      new RequestError("connection disconnected"),
      true,
      "bus_unavailable",
    ],
    [
      "no responders",
      new RequestError("no responders", { cause: new NoRespondersError("s") }),
      true,
      "bus_unavailable",
    ],
    ["JetStream starting", api(10008, 503, "temporarily unavailable"), true, "bus_unavailable"],
    ["an unknown last sequence", api(10164, 400, "wrong last sequence"), true, "bus_unavailable"],
    ["a full stream", api(10077, 503, "maximum bytes exceeded"), false, "store_full"],
    ["a full server", api(10047, 500, "insufficient storage"), false, "store_full"],
    ["no stream", api(10059, 404, "stream not found"), false, "server_misconfigured"],
    ["a wrong last sequence", api(10071, 400, "wrong last sequence: 5"), false, "internal"],
    [
      "a refused subject",
      new RequestError("denied", {
        cause: new PermissionViolationError("denied", "publish", "subject"),
      }),
      false,
      "permission_denied",
    ],
    ["a refused credential", new AuthorizationError("no"), false, "permission_denied"],
    ["a closed connection", new ClosedConnectionError(), false, "bus_unavailable"],
    ["anything else", new Error("odd"), false, "internal"],
  ];

describe("what went wrong on the bus", () => {
  it.each(failures)("%s", (_, error, passing, code) => {
    expect(isPassing(error)).toBe(passing);
    const told = busError(error, "store an event");
    expect(told.code).toBe(code);
    expect(told.cause).toBe(error);
    expect(busError(told, "do it again")).toBe(told);
  });
});
