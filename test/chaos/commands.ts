import type { Person, Running } from "../support/pitaya.ts";

/** The `pitaya` command as a world's user types it. */
export interface Commands {
  start(args: readonly string[], cwd: string): Running;
  /** Ends those that wait for something that does not come. */
  end(): Promise<void>;
}

/** @param program in place of the command */
export function commandsOf(user: Person, program?: string): Commands {
  const running = new Set<Running>();
  return {
    start(args, cwd) {
      const command = user.start(args, { cwd, ...(program !== undefined && { program }) });
      running.add(command);
      void command.finished.then(() => running.delete(command));
      return command;
    },
    async end() {
      for (const { process } of running) process.kill("SIGKILL");
      await Promise.all([...running].map(({ finished }) => finished));
    },
  };
}
