import { describe, expect, it } from "vitest";
import { naming } from "./names.ts";
import { filterRules } from "./network.rules.ts";
import { parseHost } from "./steward.ts";

const names = naming("r1");
const host = parseHost("legacy;DOCKER-USER;yes;172.17.0.1;169.254.169.254,10.0.0.2,fd00::1");
const rulesOf = (chain: string, text: string) =>
  text
    .split("\n")
    .filter((rule) => rule.startsWith(`-A ${chain} `))
    .map((rule) => rule.slice(`-A ${chain} `.length).replace(/-m comment --comment "[^"]*" /, ""));

describe("packet rules of a runner", () => {
  const text = filterRules(names, host, {
    bus: [{ host: "10.1.1.1", port: 4222 }],
    open: [
      { host: "host.docker.internal", port: 8080 },
      { host: "192.168.1.5", port: 9090 },
    ],
  });
  const forward = rulesOf(names.forwardChain, text);
  const input = rulesOf(names.inputChain, text);

  it("drop metadata, bus, engine ports and other containers on the way through", () => {
    for (const match of [
      "-d 169.254.0.0/16",
      "-d 100.100.100.200/32",
      "-d 168.63.129.16/32",
      "-d 10.1.1.1/32 -p tcp --dport 4222",
      "-p tcp -m multiport --dports 2375,2376,2377",
      "-d 172.17.0.1/32",
      `-o ${names.bridge}`,
      "-o docker0",
      "-o br-+",
      "-o pit-+",
    ]) {
      expect(forward).toContain(`${match} -j DROP`);
    }
    expect(forward.at(-1)).toMatch(/DROP$/);
  });

  it("let name servers and opened endpoints through before that, on their ports only", () => {
    const drops = forward.findIndex((rule) => rule.endsWith("DROP"));
    expect(forward.slice(0, drops)).toEqual([
      "-d 169.254.169.254/32 -p udp --dport 53 -j RETURN",
      "-d 169.254.169.254/32 -p tcp --dport 53 -j RETURN",
      "-d 10.0.0.2/32 -p udp --dport 53 -j RETURN",
      "-d 10.0.0.2/32 -p tcp --dport 53 -j RETURN",
      "-d 172.17.0.1/32 -p tcp --dport 8080 -j RETURN",
      "-d 192.168.1.5/32 -p tcp --dport 9090 -j RETURN",
    ]);
  });

  it("end with a drop of all else that goes to this host", () => {
    expect(input.slice(4)).toEqual([
      "-p tcp --dport 8080 -j ACCEPT",
      "-d 192.168.1.5/32 -p tcp --dport 9090 -j ACCEPT",
      "-j DROP",
    ]);
    expect(text.startsWith("*filter\n")).toBe(true);
    expect(text.endsWith("COMMIT\n")).toBe(true);
  });

  it("have names of their own for each runner, short enough for the kernel", () => {
    const other = naming("r2");
    expect(new Set([names.bridge, other.bridge]).size).toBe(2);
    expect(naming("r".repeat(63)).bridge.length).toBeLessThanOrEqual(15);
    expect(naming("r".repeat(63)).forwardChain.length).toBeLessThanOrEqual(28);
  });
});
