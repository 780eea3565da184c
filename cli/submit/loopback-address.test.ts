import { findPlugin } from "@pitaya/plugins";
import { expect, it } from "vitest";
import { refuseLoopback } from "./loopback-address.rules.ts";

const look = (baseUrl: string, network: "online" | "proxy" = "online", name = "claude-code") => {
  const spec = { plugin: name, image: "i", cliArgs: [], credentials: [], baseUrl };
  return () => refuseLoopback(findPlugin(name), spec, network);
};

it.each(["http://127.0.0.1:8080/v1", "http://localhost", "https://a.localhost/", "http://[::1]:1"])(
  "%s is not the user's machine in an agent's container",
  (url) => {
    expect(look(url)).toThrow(/leads to the agent's own container/);
    expect(look(url, "proxy")).not.toThrow();
  },
);

it("is told with the address that is meant", () => {
  expect(look("http://127.0.0.1:8080/v1")).toThrow(
    expect.objectContaining({
      hint: expect.stringContaining("http://host.docker.internal:8080/v1"),
    }),
  );
});

it.each(["http://host.docker.internal:1", "https://api.example", "http://127.example", "odd"])(
  "%s is left as it is",
  (url) => expect(look(url)).not.toThrow(),
);

it("is the runner's machine where the gateway translates", () => {
  expect(look("http://localhost:1/v1/chat/completions", "online", "codex")).not.toThrow();
});
