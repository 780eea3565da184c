import { expect, it } from "vitest";
import { environment } from "./environment.ts";

const required = { PITAYA_NATS_URL: "nats://a,nats://b", PITAYA_NATS__CREDS: "/creds.json" };

it("is little, with defaults", () => {
  const { servers, credentials, level, options } = environment(required);
  expect({ servers, credentials, level }).toEqual({
    servers: ["nats://a", "nats://b"],
    credentials: "/creds.json",
    level: "info",
  });
  expect(options).toMatchObject({ stateDir: "/var/lib/pitaya", labels: {}, hostEndpoints: [] });
  expect(options).not.toHaveProperty("slots");
});

it("is read whole, and an empty variable is none", () => {
  const { options } = environment({
    ...required,
    PITAYA_RUNNER__SLOTS: "8",
    PITAYA_RUNNER__POOL: "",
    PITAYA_RUNNER__LABELS: "arch=arm64, gpu",
    PITAYA_RUNNER__HOST_ENDPOINTS: "10.0.0.1:8080,host.docker.internal:1234",
    PITAYA_RUNNER__ALLOW_ONLINE_WITHOUT_RULES: "true",
    PITAYA_LEASE__RUNNER_MS: "15000",
    PITAYA_LEASE__PAUSE_MAX_MS: "60000",
    DOCKER_HOST: "tcp://engine:2375",
  });
  expect(options).toMatchObject({
    slots: 8,
    labels: { arch: "arm64", gpu: "true" },
    hostEndpoints: [
      { host: "10.0.0.1", port: 8080 },
      { host: "host.docker.internal", port: 1234 },
    ],
    allowOnlineWithoutRules: true,
    leaseMs: 15_000,
    pauseMaxMs: 60_000,
    engine: "tcp://engine:2375",
  });
  expect(options).not.toHaveProperty("pool");
});

it.each([
  ["PITAYA_RUNNER__SLOTS", "none"],
  ["PITAYA_RUNNER__HOST_ENDPOINTS", "somewhere"],
  ["PITAYA_LOGGING__LEVEL", "loud"],
])("is refused where %s is %s", (name, value) => {
  expect(() => environment({ ...required, [name]: value })).toThrow();
});
