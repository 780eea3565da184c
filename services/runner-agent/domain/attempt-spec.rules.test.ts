import { expect, it } from "vitest";
import { endpointOf, openedEndpoint } from "./attempt-spec.rules.ts";

const own = new Set(["host.docker.internal", "172.17.0.1"]);

it.each([
  ["http://10.0.0.1:8080/v1", { host: "10.0.0.1", port: 8080 }],
  ["http://model.example", { host: "model.example", port: 80 }],
  ["https://model.example/x", { host: "model.example", port: 443 }],
  ["http://[::1]:9/", { host: "::1", port: 9 }],
])("%s is %o", (url, endpoint) => {
  expect(endpointOf(url)).toEqual(endpoint);
});

it("opens a port of this host for a task where every task may, and of no other host", () => {
  const open = (url: string | undefined) => openedEndpoint(url, "as-tasks-ask", own);
  expect(open("http://host.docker.internal:8080/v1")).toEqual({
    host: "host.docker.internal",
    port: 8080,
  });
  expect(open("http://172.17.0.1:8080")).toEqual({ host: "172.17.0.1", port: 8080 });
  expect(open("https://api.example:443")).toBeUndefined();
  expect(open(undefined)).toBeUndefined();
});

it("opens elsewhere what the operator has listed, address and port", () => {
  const listed = [{ host: "172.17.0.1", port: 8080 }];
  expect(openedEndpoint("http://172.17.0.1:8080/v1", listed, own)).toEqual(listed[0]);
  expect(openedEndpoint("http://172.17.0.1:22", listed, own)).toBeUndefined();
  expect(openedEndpoint("http://host.docker.internal:8080", listed, own)).toBeUndefined();
});
