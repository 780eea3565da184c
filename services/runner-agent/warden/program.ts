import type { FromWarden, ToWarden } from "./messages.ts";
import type { Warden } from "./warden.ts";

/** What a warden's program has of the process it runs in. */
export interface WardenSurroundings {
  /** Connects to bus and engine. */
  open(
    begin: Extract<ToWarden, { type: "begin" }>,
  ): Promise<{ readonly watch: Warden; readonly close: () => Promise<void> }>;
  report(message: FromWarden): void;
  /** Ends the process, which has done what it was told, or whose runner-agent is gone. */
  leave(): void;
  /** Ends it, as it cannot go on: another is started. */
  fail(): void;
}

export interface WardenProgram {
  receive(message: ToWarden): void;
  /** The runner-agent is gone. */
  orphaned(): void;
}

/** What a warden does by the messages of its runner-agent. */
export function wardenProgram({ open, report, leave, fail }: WardenSurroundings): WardenProgram {
  let opened: ReturnType<WardenSurroundings["open"]> | undefined;

  async function handle(message: ToWarden): Promise<void> {
    if (message.type === "begin") {
      opened ??= open(message);
      await opened;
      return;
    }
    const { watch, close } = (await opened) ?? {};
    if (message.type === "tick") return watch?.tick(message.liveness);
    await watch?.end(message.release);
    await close?.();
    report({ type: "ended" });
    leave();
  }

  const giveUp = (error: unknown) => {
    report({ type: "trouble", message: error instanceof Error ? error.message : String(error) });
    fail();
  };

  return {
    receive: (message) => void handle(message).catch(giveUp),
    orphaned() {
      const abandon = async () => (await opened)?.watch.abandoned();
      abandon().then(leave, giveUp);
    },
  };
}
