import { instanceMachine } from "../../services/coordinator/domain/instance.machine.ts";
import { runMachine } from "../../services/coordinator/domain/run.machine.ts";
import { strategyMachine } from "../../services/coordinator/domain/strategy.machine.ts";
import { attemptMachine } from "../../services/runner-agent/domain/attempt.machine.ts";
import { type DrawnNode, stateDiagram } from "./state-diagram.ts";

const MACHINES: readonly { readonly title: string; readonly root: DrawnNode }[] = [
  { title: "Run (coordinator)", root: runMachine.root },
  { title: "Strategy execution (coordinator)", root: strategyMachine.root },
  { title: "Instance (coordinator)", root: instanceMachine.root },
  { title: "Attempt (runner-agent)", root: attemptMachine.root },
];

/** The page of all machines. */
export const drawings = (): string =>
  [
    "# Machines",
    "",
    "Made from the code by `node scripts/machines.ts`; a test holds them to it.",
    ...MACHINES.flatMap(({ title, root }) => [
      "",
      `## ${title}`,
      "",
      "```mermaid",
      ...stateDiagram(root),
      "```",
    ]),
    "",
  ].join("\n");
