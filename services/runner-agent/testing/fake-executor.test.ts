import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AgentStep, executorContract, packFile } from "../ports/executor.contract.ts";
import type { AttemptSpec } from "../ports/executor.port.ts";
import { type FakeAgent, fakeExecutor } from "./fake-executor.ts";

/** Plays the contract's steps, which travel as the agent's only argument. */
async function playSteps(agent: FakeAgent): Promise<number> {
  const steps: readonly AgentStep[] = JSON.parse(agent.spec.argv[1] ?? "[]");
  for (const step of steps) {
    switch (step.do) {
      case "write":
        agent.write(step.stream, step.text);
        break;
      case "print-env":
        agent.write("stdout", agent.env[step.name] ?? "");
        break;
      case "print-stdin":
        agent.write("stdout", agent.spec.stdin ?? "");
        break;
      case "print-input":
        agent.write("stdout", agent.spec.inputs?.[step.name] ?? "");
        break;
      case "commit":
        agent.commit();
        break;
      case "leave":
        agent.leave();
        break;
      case "print-file": {
        const file = agent.spec.files?.find(({ path }) => path === step.path);
        agent.write("stdout", file?.bytes ?? "");
        break;
      }
      case "remember":
        agent.remember(step.file, step.text);
        break;
      case "print-remembered":
        agent.write("stdout", agent.session.get(step.file) ?? "");
        break;
      case "print-left":
        agent.write("stdout", agent.left ?? "");
        break;
      case "ignore-term":
        agent.ignoreTerm();
        break;
      case "wait-for-end":
        await new Promise(() => {});
        break;
      case "exit":
        return step.code;
    }
  }
  return 0;
}

executorContract("fake", async () => {
  const dir = await mkdtemp(join(tmpdir(), "fake-executor-"));
  const pack = await packFile(dir, Buffer.from("# v2 git bundle\n"));
  let attempts = 0;
  return {
    executor: fakeExecutor({ script: playSteps, images: { "agents:1": ["sh"] } }),
    image: "agents:1",
    pack,
    attempt: (steps, change): AttemptSpec => {
      attempts += 1;
      return {
        name: { runId: "run_20260101_000000_00000000", instanceId: "i1", attempt: attempts },
        imageId: "sha256:agents:1",
        workspace: {
          objectFormat: "sha1",
          commit: "0".repeat(40),
          branch: "main",
          includes: [],
          packs: [pack.spec.sha256],
          shallow: [],
          author: { name: "A", email: "a@b" },
        },
        readOnly: false,
        argv: ["steps", JSON.stringify(steps)],
        env: {},
        limits: {
          cpus: 1,
          memoryBytes: 1,
          pids: 1,
          openFiles: 1,
          fileBytes: 1,
          diskBytes: 1,
        },
        network: "offline",
        forceCommit: false,
        killGraceMs: 1_000,
        harvestTimeoutMs: 1_000,
        ...change,
      };
    },
    close: () => rm(dir, { recursive: true, force: true }),
  };
});
