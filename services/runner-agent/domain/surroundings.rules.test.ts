import { expect, it } from "vitest";
import { passwordsOf, proxyOfSurroundings } from "./surroundings.rules.ts";

it("hands on the proxy of the surroundings, and what is not to go through it", () => {
  const told = proxyOfSurroundings({
    HTTPS_PROXY: "http://user:p%40ss@proxy.example:3128",
    no_proxy: "in.example",
    PATH: "/bin",
    HTTP_PROXY: "",
  });
  const direct = "in.example,localhost,127.0.0.1,::1,host.docker.internal,gateway.pitaya.internal";
  expect(told).toEqual({
    HTTPS_PROXY: "http://user:p%40ss@proxy.example:3128",
    NO_PROXY: direct,
    no_proxy: direct,
  });
  expect(passwordsOf(told)).toEqual(["p%40ss", "p@ss"]);
});

it.each([
  "http://127.0.0.1:3128",
  "localhost:3128",
  "http://user:word@localhost",
  "http://[::1]:3128/",
])("hands on no proxy that a container cannot reach: %s", (HTTP_PROXY) => {
  expect(proxyOfSurroundings({ HTTP_PROXY, NO_PROXY: "x" })).toEqual({});
});
