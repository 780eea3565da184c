import { describe, expect, it } from "vitest";
import { callHeaders, callUrl } from "./provider-request.rules.ts";

const keys = [{ placeholder: "pitaya-placeholder-0-t", value: "real $& key" }];

describe("the headers of a call", () => {
  it.each([
    ["x-api-key", "pitaya-placeholder-0-t", "real $& key"],
    ["x-goog-api-key", "pitaya-placeholder-0-t", "real $& key"],
    ["authorization", "Bearer pitaya-placeholder-0-t", "Bearer real $& key"],
  ])("have the key in %s", (name, sent, put) => {
    expect(callHeaders({ [name]: sent, other: "kept" }, keys)).toEqual({
      [name]: put,
      other: "kept",
      "accept-encoding": "identity",
    });
  });

  it("have no key that the agent brought itself, and none of the connection's own", () => {
    const sent = {
      ...{ authorization: "Bearer sk-of-another", "x-api-key": "pitaya-placeholder-0-t" },
      ...{ host: "gateway", connection: "keep-alive, x-own", "x-own": "1", te: "trailers" },
      ...{ "proxy-authorization": "Basic x", "transfer-encoding": "chunked" },
    };
    expect(callHeaders(sent, keys)).toEqual({
      "x-api-key": "real $& key",
      "accept-encoding": "identity",
    });
    expect(callHeaders({ authorization: "Bearer x" }, [])).not.toHaveProperty("authorization");
  });
});

describe("the address of a call", () => {
  const at = (path: string) => callUrl("https://api.example/base/v1/", path, keys)?.href;

  it.each([
    ["/messages?beta=true", "https://api.example/base/v1/messages?beta=true"],
    ["", "https://api.example/base/v1/"],
    [
      "/models/a:stream?alt=sse&key=pitaya-placeholder-0-t",
      "https://api.example/base/v1/models/a:stream?alt=sse&key=real+%24%26+key",
    ],
    ["/m?key=sk-of-another&a=1", "https://api.example/base/v1/m?a=1"],
    ["//other.example/x", "https://api.example/base/v1/other.example/x"],
  ])("for %s stays below the provider's", (path, url) => expect(at(path)).toBe(url));

  it.each(["/../x", "/a/../../../x", "/%2e%2e/x", "/..%5cx"])("is none for %s", (path) => {
    expect(at(path)).toBeUndefined();
  });
});
