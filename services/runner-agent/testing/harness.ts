/** For tests of real agents on a real engine. Only in a test runner: what it holds asserts. */
export { dockerExecutor } from "../adapters/docker/docker-executor.ts";
export { ownHosts } from "../adapters/own-hosts.ts";
export { type BaseRepository, baseRepository } from "./base-repository.ts";
export { RUN, RUNNER, type RunnerHarness, runnerHarness } from "./runner-harness.ts";
