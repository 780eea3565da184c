import { expect, it } from "vitest";
import { supervisorEnvironment } from "./supervisor-environment.rules.ts";

it("keeps what a program needs to run, and to reach its engine", () => {
  const needed = {
    PATH: "/usr/bin",
    HOME: "/home/ann",
    LANG: "C.UTF-8",
    LC_ALL: "C",
    TMPDIR: "/var/tmp",
    DOCKER_HOST: "ssh://box",
    DOCKER_CERT_PATH: "/home/ann/certs",
    HTTPS_PROXY: "http://proxy:3128",
    PITAYA_IDLE_MS: "5",
    PITAYA_NATS_SERVER: "/opt/nats-server",
  };
  expect(supervisorEnvironment({ ...needed, EDITOR: "vi", npm_config_x: "y" })).toEqual(needed);
});

it.each([
  ["ANTHROPIC_API_KEY", "sk-ant"],
  ["ANTHROPIC_BASE_URL", "http://localhost"],
  ["CLAUDE_CODE_OAUTH_TOKEN", "sk"],
  ["OPENAI_API_KEY", "sk"],
  ["AWS_SECRET_ACCESS_KEY", "x"],
  ["GITHUB_TOKEN", "x"],
  ["PITAYA_API_KEY", "x"],
  ["PITAYA_OAUTH_TOKEN", "x"],
  ["PITAYA_NATS__CREDS", "/x"],
  ["NODE_OPTIONS", "--require=/tmp/x"],
  ["LD_PRELOAD", "/tmp/x.so"],
  ["HTTPS_PROXY", "http://ann:secret@proxy:3128"],
  ["PITAYA_NATS_URL", "nats://ann:secret@host:4222"],
])("does not pass %s=%s on", (name, value) => {
  expect(supervisorEnvironment({ [name]: value })).toEqual({});
});
