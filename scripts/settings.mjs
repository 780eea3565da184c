/**
 * What set-up fetches, in the versions it was tried with. The versions of the agent CLIs are in
 * docker/agents/versions.json, since the image can also be built without these scripts.
 */

/** Tool versions, from npm. Any Node of this major or later is used where it is already there. */
export const nodeVersion = "24.21.0";
export const pnpmVersion = "12.21.0";

/** Older servers silently ignore settings that leases rely on. */
export const natsServerAtLeast = Object.freeze([2, 12]);

/** Debian suites asked in this order for a nats-server, when the machine has none. */
export const natsServerSuites = (process.env.PITAYA_DEBIAN_SUITES ?? "forky sid").split(/[ ,]+/);

/** Suites asked for Docker Compose, when the machine has none. Only the compose stack needs it. */
export const composeSuites = Object.freeze(["trixie", "forky"]);

/** Image that holds a nats-server where a container registry answers. */
export const natsServerImage = "nats:2.12-alpine";

/** What the images build on: the first where a registry answers, else the second, made here. */
export const registryBase = "debian:bookworm-slim";
export const ownBase = "pitaya-base:bookworm";
export const ownBaseSuite = "bookworm";
export const ownBasePackages = Object.freeze(["ca-certificates", "curl", "git", "iptables"]);
