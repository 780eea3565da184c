import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { constants } from "node:os";

/** Signals that reach only the process they are sent to. */
const direct = /** @type {const} */ (["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCONT"]);
/** Signals a terminal sends to every process of the foreground group, so to the child as well. */
const fromTerminal = /** @type {const} */ (["SIGINT", "SIGQUIT"]);

/**
 * Runs a program in place of this one, as far as a process can: same terminal, signals passed on,
 * and its end is this process's end (128 + signal where it was killed, 137 for KILL).
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
export function mirrorChild(program, args, env) {
  const child = spawn(program, args, { stdio: "inherit", env });
  for (const signal of direct) process.on(signal, () => child.kill(signal));
  // With a terminal the child has it already: a second one would count as a second Ctrl-C.
  const pass = !hasTerminal();
  for (const signal of fromTerminal) process.on(signal, () => pass && child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`cannot run ${program}: ${error.message}\n`);
    process.exit(126);
  });
  child.on("exit", (code, signal) => {
    process.exit(code ?? 128 + (signal ? (constants.signals[signal] ?? 0) : 0));
  });
}

function hasTerminal() {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}
