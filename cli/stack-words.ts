import type { Session } from "./session.ts";
import type { StackOptions, StackStatus } from "./stack/index.ts";

/** Which stack a command about the stack means, and how it tells of it. */
export function stackOptions({ host, console, value }: Session): StackOptions {
  const stateDirectory = value("state-dir");
  return {
    env: host.env,
    onProgress: (text) => void console.note(text),
    onNotice: (text) => void console.warn(text),
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
  };
}

/** The stack as it runs, for a person. */
export const stackText = (stack: StackStatus): string =>
  [
    `the embedded stack is ${stack.phase}`,
    `  version     ${stack.version} (${stack.build})`,
    `  process     ${stack.pid}, since ${stack.startedAt}`,
    `  engine      ${stack.engine}`,
    ...(stack.natsUrl === undefined ? [] : [`  nats        ${stack.natsUrl}`]),
    `  live runs   ${stack.liveRuns}`,
    `  commands    ${stack.attached} attached, ${stack.submitting} submitting`,
    ...(stack.trouble === undefined ? [] : [`  trouble     ${stack.trouble}`]),
    `  idle end    after ${stack.idleMs / 1000} s with neither`,
  ].join("\n");
