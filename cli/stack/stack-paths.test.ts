import { expect, it } from "vitest";
import { engineAddress } from "./engine-address.ts";
import { stackDirectory, stackPaths, stateDirectory } from "./stack-paths.ts";

it("takes the state directory from flag, variable, XDG and home, in this order", () => {
  const home = { HOME: "/home/ann" };
  const xdg = { ...home, XDG_STATE_HOME: "/xdg" };
  const all = { ...xdg, PITAYA_STATE_DIR: "/own" };
  expect(stateDirectory(all, "/flag")).toBe("/flag");
  expect(stateDirectory(all)).toBe("/own");
  expect(stateDirectory(xdg)).toBe("/xdg/pitaya");
  expect(stateDirectory({ ...home, XDG_STATE_HOME: "relative" })).toBe(
    "/home/ann/.local/state/pitaya",
  );
});

it("gives each engine a stack of its own, and the default one the directory itself", () => {
  const directoryOf = (host?: string) =>
    stackDirectory("/state", engineAddress(host === undefined ? {} : { DOCKER_HOST: host }));
  expect(directoryOf()).toBe("/state");
  expect(directoryOf("")).toBe("/state");
  expect(directoryOf("unix:///var/run/docker.sock")).toBe("/state");
  expect(directoryOf("tcp://a:2375")).toMatch(/^\/state\/stacks\/[0-9a-f]{12}$/);
  expect(directoryOf("tcp://a:2375")).not.toBe(directoryOf("tcp://b:2375"));
});

it("keeps the socket in the state directory while its path fits into a socket address", () => {
  const { socket, socketDirectory } = stackPaths("/state", {});
  expect({ socket, socketDirectory }).toEqual({
    socket: "/state/supervisor.sock",
    socketDirectory: undefined,
  });
});

it("puts the socket of a long state directory into a short one, another for each", () => {
  const long = (last: string) => stackPaths(`/state/${"ä".repeat(45)}/${last}`, {});
  for (const { socket, socketDirectory } of [long("a"), long("b")]) {
    expect(Buffer.byteLength(socket)).toBeLessThanOrEqual(100);
    expect(socket.startsWith(`${socketDirectory}/`)).toBe(true);
  }
  expect(long("a").socket).not.toBe(long("b").socket);
});

it("prefers the user's runtime directory for it, unless that is long itself", () => {
  const directory = `/state/${"a".repeat(90)}`;
  const inRuntime = (runtime: string) =>
    stackPaths(directory, { XDG_RUNTIME_DIR: runtime }).socket.startsWith(`${runtime}/`);
  expect(inRuntime("/run/user/1000")).toBe(true);
  expect(inRuntime(`/${"r".repeat(90)}`)).toBe(false);
});
