import { describe, expect, it } from "vitest";
import { refusal, type Surroundings } from "./addresses.rules.ts";
import { allowedBy, parseTarget } from "./allow-list.rules.ts";
import { outerProxyOf } from "./outer-proxy.rules.ts";

const target = (text: string) => {
  const { host = "", port = 443 } = parseTarget(text) ?? {};
  return { host, port };
};

describe("an allow list", () => {
  it.each([
    ["example.com", "example.com:443", true],
    ["example.com", "example.com:80", true],
    ["example.com", "EXAMPLE.com.:443", true],
    ["example.com", "example.com:22", false],
    ["example.com:22", "example.com:22", true],
    ["example.com:22", "example.com:443", false],
    ["example.com", "sub.example.com:443", false],
    ["*.example.com", "sub.example.com:443", true],
    ["*.example.com", "a.b.example.com:443", true],
    ["*.example.com", "example.com:443", false],
    ["*.example.com", ".example.com:443", false],
    ["*.example.com", "badexample.com:443", false],
    ["*.0.0.1", "127.0.0.1:443", false],
    ["10.1.2.3:8080", "10.1.2.3:8080", true],
    ["[2001:db8::1]:443", "[2001:db8::1]:443", true],
    ["*", "example.com:443", false],
  ])("with %s and %s: %s", (entry, asked, isAllowed) => {
    expect(allowedBy(["other.example", entry], target(asked)) !== undefined).toBe(isAllowed);
  });

  it.each(["", "a b:1", "host:0", "host:70000", "user@host:1", "[::1:443"])(
    "knows %j for no target",
    (text) => expect(parseTarget(text)).toBeUndefined(),
  );
});

describe("an address", () => {
  const here: Surroundings = {
    ownHosts: new Set(["192.0.2.7", "box"]),
    bus: [{ host: "198.51.100.9", port: 4222 }],
    opens: ({ host, port }) => host === "192.0.2.7" && port === 8080,
  };
  const of = (text: string, purpose: "provider" | "address" | "name") =>
    refusal(target(text), here, purpose) === undefined;

  it.each([
    ["203.0.113.1:443", true, true, true],
    ["[2606:4700::1]:443", true, true, true],
    ["10.0.0.1:443", false, true, true],
    ["[fd12::1]:443", false, true, true],
    ["[::ffff:10.0.0.1]:443", false, true, true],
    ["[::ffff:a00:1]:443", false, true, true],
    ["[::ffff:a9fe:a9fe]:80", false, false, false],
    ["169.254.169.254:80", false, false, false],
    ["100.100.100.200:80", false, false, false],
    ["0.0.0.0:80", false, false, false],
    ["[fe80::1]:80", false, false, false],
    ["[::]:80", false, false, false],
    ["127.0.0.1:80", false, false, false],
    ["[::1]:80", false, false, false],
    ["192.0.2.7:80", false, false, false],
    ["192.0.2.7:8080", false, true, true],
    ["192.0.2.7:4222", false, false, false],
    ["192.0.2.7:2375", false, false, false],
    ["198.51.100.9:4222", false, false, false],
    ["203.0.113.1:2376", false, false, false],
  ])("%s is open by a name: %s, as an address: %s, as the provider: %s", (text, ...open) => {
    expect([of(text, "name"), of(text, "address"), of(text, "provider")]).toEqual(open);
  });

  it("of this host, by whatever name, is open as the operator says, and of its loopback the provider alone", () => {
    const closed = refusal(target("203.0.113.1:8080"), here, "provider", "box");
    expect(closed).toBe("it is the runner's own host");
    const open = { ...here, opens: () => true };
    const asked = target("127.0.0.1:8080");
    expect(refusal(asked, open, "provider", "localhost")).toBeUndefined();
    expect(refusal(asked, open, "address")).toBe("it is the runner's own host");
    expect(refusal(target("127.0.0.1:4222"), open, "provider")).toBe("it is the bus's port");
  });
});

describe("a proxy of the surroundings", () => {
  const env = {
    HTTPS_PROXY: "http://proxy.example:3128",
    NO_PROXY: "in.example, .local:8443,10.0.0.1",
  };
  const proxyOf = (url: string, more = {}) => outerProxyOf(new URL(url), { ...env, ...more })?.host;

  it.each([
    ["https://api.example/", "proxy.example:3128"],
    ["http://api.example/", undefined],
    ["https://in.example/", undefined],
    ["https://a.in.example/", undefined],
    ["https://begin.example/", "proxy.example:3128"],
    ["https://a.local:8443/", undefined],
    ["https://a.local/", "proxy.example:3128"],
    ["https://10.0.0.1/", undefined],
  ])("for %s is %s", (url, proxy) => expect(proxyOf(url)).toBe(proxy));

  it("is read in small letters first, without a scheme too, and none is one that is not HTTP", () => {
    expect(proxyOf("https://a.example/", { https_proxy: "other.example:1" })).toBe(
      "other.example:1",
    );
    expect(proxyOf("http://a.example/", { ALL_PROXY: "http://all.example:2" })).toBe(
      "all.example:2",
    );
    expect(proxyOf("https://a.example/", { https_proxy: "socks5://s.example:3" })).toBeUndefined();
    expect(proxyOf("https://a.example/", { no_proxy: "*" })).toBeUndefined();
  });
});
