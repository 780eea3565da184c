import { expect, it } from "vitest";
import { nestedNpmEnv } from "./npm.mjs";

it("gives a nested npm the ways to the registry and nothing else of the outer one", () => {
  const env = nestedNpmEnv({
    HOME: "/home/somebody",
    NODE_EXTRA_CA_CERTS: "/ca.crt",
    npm_config_registry: "http://registry.example",
    NPM_CONFIG_CAFILE: "/ca.crt",
    npm_config_https_proxy: "http://proxy.example",
    npm_config_omit: "dev",
    npm_config_prefix: "/elsewhere",
    npm_lifecycle_event: "test",
    npm_package_json: "/clone/package.json",
  });
  expect(Object.keys(env).sort()).toEqual([
    "HOME",
    "NODE_EXTRA_CA_CERTS",
    "NPM_CONFIG_CAFILE",
    "npm_config_https_proxy",
    "npm_config_registry",
  ]);
});
