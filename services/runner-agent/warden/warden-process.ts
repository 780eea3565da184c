import { fork } from "node:child_process";
import { FromWarden, type ToWarden } from "./messages.ts";

/** A warden's process, as its runner-agent has it. */
export interface WardenProcess {
  /** One that has just gone hears nothing; the one after it is told anew. */
  tell(message: ToWarden): void;
  /** Ends it at once. */
  kill(): void;
  readonly isGone: boolean;
}

/** What a runner-agent is told of its warden. */
export interface WardenListener {
  readonly hear: (message: FromWarden) => void;
  readonly notStarted: (error: unknown) => void;
  readonly gone: (how: { readonly code: number | null; readonly signal: string | null }) => void;
}

export type LaunchWarden = (listener: WardenListener) => WardenProcess;

/** Of this process's environment, all that is its business. */
const PASSED_ON = ["PATH", "DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"] as const;

/** @param program `warden/main.ts`, or its bundle */
export const forkWarden =
  (program: string): LaunchWarden =>
  ({ hear, notStarted, gone }) => {
    const child = fork(program, [], {
      env: Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]])),
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    child.on("message", (json) => hear(FromWarden.parse(json)));
    child.on("error", notStarted);
    child.on("exit", (code, signal) => gone({ code, signal }));
    return {
      tell: (message) => void child.send(message, () => undefined),
      kill: () => void child.kill("SIGKILL"),
      get isGone() {
        return child.exitCode !== null || child.signalCode !== null;
      },
    };
  };
