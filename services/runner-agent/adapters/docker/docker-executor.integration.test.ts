import { agentFile } from "@pitaya/plugins";
import { expect } from "vitest";
import { type AgentStep, executorContract } from "../../ports/executor.contract.ts";
import { AGENTS_IMAGE, engineLab } from "../../testing/engine-lab.ts";

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** A step of the contract as a line for sh. */
function lineOf(step: AgentStep): string {
  switch (step.do) {
    case "write":
      return `printf %s ${quoted(step.text)}${step.stream === "stderr" ? " >&2" : ""}`;
    case "print-env":
      return `printf %s "$${step.name}"`;
    case "print-stdin":
      return "cat";
    case "print-input":
      return `cat ${agentFile(step.name)}`;
    case "commit":
      return "echo done >>work.txt; git add -A; git commit -q -m work";
    case "leave":
      return "echo more >>left.txt";
    case "print-file":
      return `cat ${quoted(step.path)}`;
    case "remember":
      return `mkdir -p "$(dirname ~/${step.file})"; printf %s ${quoted(step.text)} >~/${step.file}`;
    case "print-remembered":
      return `cat ~/${step.file}`;
    case "print-left":
      return "cat left.txt";
    case "ignore-term":
      return "trap '' TERM";
    case "wait-for-end":
      return "mkfifo /tmp/never; read -r never </tmp/never";
    case "exit":
      return `exit ${step.code}`;
  }
}

executorContract("docker", async () => {
  const lab = await engineLab();
  return {
    executor: lab.executor,
    image: AGENTS_IMAGE,
    pack: { spec: lab.base.pack, path: lab.base.path },
    attempt: (steps, change) => lab.attempt(steps.map(lineOf).join("\n"), change),
    close: async () => expect(await lab.close()).toEqual([]),
  };
});
