import { describe, expect, it } from "vitest";
import { callHeaders, callUrl } from "./provider-request.rules.ts";

const PLACEHOLDER = "pitaya-placeholder-0-t";
const keys = [{ placeholder: PLACEHOLDER, value: "real $& key" }];
const headersOf = (headers: Readonly<Record<string, string>>, method = "GET") =>
  callHeaders({ method, headers }, keys);

describe("the headers of a call", () => {
  it.each([
    ["x-api-key", PLACEHOLDER, "real $& key"],
    ["x-goog-api-key", PLACEHOLDER, "real $& key"],
    ["authorization", `Bearer ${PLACEHOLDER}`, "Bearer real $& key"],
  ])("have the key in %s", (name, sent, put) => {
    expect(headersOf({ [name]: sent, other: "kept" })).toEqual({
      [name]: put,
      other: "kept",
      "accept-encoding": "identity",
    });
  });

  it.each([
    ["authorization", "Bearer sk-of-another"],
    ["authorization", `Bearer sk-of-another ${PLACEHOLDER}`],
    ["x-api-key", `sk-of-another, ${PLACEHOLDER}`],
    ["x-api-key", `${PLACEHOLDER}x`],
    ["x-auth-token", "sk-of-another"],
    ["apikey", "sk-of-another"],
    ["x-accesstoken", "sk-of-another"],
    ["x-jwt", "sk-of-another"],
    ["x-forwarded-host", "other.example"],
    ["x-original-url", "/outside"],
    ["x-http-method-override", "TRACE"],
    ["cookie", `session=${PLACEHOLDER}`],
    ["proxy-authorization", "Basic x"],
    ["expect", "100-continue"],
    ["te", "trailers"],
    ["host", "gateway"],
  ])("have no %s that is %s", (name, sent) => {
    expect(headersOf({ [name]: sent })).not.toHaveProperty(name);
  });

  it.each([
    ["anthropic-beta", "oauth-2025-04-20"],
    ["idempotency-key", "1"],
    ["session_id", "s1"],
    ["x-told", PLACEHOLDER],
  ])("have %s as it is", (name, sent) => {
    expect(headersOf({ [name]: sent })).toHaveProperty([name], sent);
  });

  it("say how long the body is, whatever the agent calls the connection's own", () => {
    const hidden = { connection: "content-length, transfer-encoding, x-own", "x-own": "1" };
    expect(headersOf({ ...hidden, "content-length": "7" })).toEqual({
      "content-length": "7",
      "accept-encoding": "identity",
    });
    expect(headersOf({ ...hidden, "transfer-encoding": "chunked" }, "DELETE")).toEqual({
      "transfer-encoding": "chunked",
      "accept-encoding": "identity",
    });
    expect(headersOf({}, "POST")).toHaveProperty("content-length", 0);
  });
});

describe("the address of a call", () => {
  const at = (path: string) => callUrl("https://api.example/base/v1/", path, keys)?.href;

  it.each([
    ["/messages?beta=true", "https://api.example/base/v1/messages?beta=true"],
    ["", "https://api.example/base/v1/"],
    [
      `/models/a:stream?alt=sse&key=${PLACEHOLDER}`,
      "https://api.example/base/v1/models/a:stream?alt=sse&key=real%20%24%26%20key",
    ],
    ["/m?key=sk-of-another&a=1", "https://api.example/base/v1/m?a=1"],
    ["/m?a=1&access_token=x&oauth_token=y;apiKey=z&b", "https://api.example/base/v1/m?a=1&b"],
    ["/m?%61pi%5Fkey=x&%24.key=x&k%2565y=x", "https://api.example/base/v1/m"],
    ["/m?pageToken=2&a=x+y%20z", "https://api.example/base/v1/m?pageToken=2&a=x+y%20z"],
    ["/m?a=1?b=2", "https://api.example/base/v1/m?a=1?b=2"],
    ["//other.example/x", "https://api.example/base/v1/other.example/x"],
    ["/models/a%2Fb", "https://api.example/base/v1/models/a%2Fb"],
  ])("for %s stays below the provider's", (path, url) => expect(at(path)).toBe(url));

  it("keeps the parameters of the provider's own address", () => {
    const versioned = "https://api.example/v1?api-version=2";
    expect(callUrl(versioned, "/m?a=1", keys)?.href).toBe(
      "https://api.example/v1/m?api-version=2&a=1",
    );
    expect(callUrl(versioned, "/m", keys)?.href).toBe("https://api.example/v1/m?api-version=2");
  });

  it.each([
    ...["/../x", "/a/../../../x", "/%2e%2e/x", "/..%5cx", "/..%2f..%2fx", "/a/%252e%252e/x"],
    ...["/..;/x", "/a/%ff%fe", "/."],
  ])("is none for %s", (path) => {
    expect(at(path)).toBeUndefined();
  });
});
