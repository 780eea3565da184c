import type { HostedExecution } from "@pitaya/strategies";

/**
 * The code of one strategy execution and what it is told, one thing after another. All of that is
 * beside the mailbox: code that computes for long, or hangs, keeps its own execution waiting and
 * nothing else.
 */
export interface CodeUnderWay {
  /** The path of calls that it is on. */
  readonly path: number;
  /** The code where it has been told all there is and stands still; undefined until then. */
  readonly atRest: HostedExecution | undefined;
  /** Whether it was begun so lately that it has not been at rest yet. */
  readonly isBeginning: boolean;
  /** What kept it from being started or told; half told, it cannot be gone on with. */
  readonly broken: { readonly error: unknown } | undefined;
  /** After all that it was told before. */
  tell(deed: (code: HostedExecution) => Promise<void>): void;
  /** Resolves when it is at rest, broken, or given up. */
  rested(): Promise<void>;
  /** Gives it up, as it stands. */
  close(): void;
}

/** @param onRest told whenever it has come to rest or broken, and has not been given up */
export function codeUnderWay(
  path: number,
  start: () => Promise<HostedExecution>,
  onRest: () => void,
): CodeUnderWay {
  let code: HostedExecution | undefined;
  let broken: { readonly error: unknown } | undefined;
  let isBeginning = true;
  let isGivenUp = false;
  let untold = 0;
  let last = Promise.resolve();

  function next(deed: () => Promise<void>): void {
    untold += 1;
    last = last.then(async () => {
      try {
        if (!isGivenUp && !broken) await deed();
      } catch (error) {
        broken = { error };
        code?.close();
      }
      untold -= 1;
      if (untold > 0) return;
      isBeginning = false;
      if (!isGivenUp) onRest();
    });
  }

  next(async () => {
    code = await start();
    if (isGivenUp) code.close();
  });

  return {
    path,
    get atRest() {
      return untold === 0 && !broken ? code : undefined;
    },
    get isBeginning() {
      return isBeginning;
    },
    get broken() {
      return broken;
    },
    tell(deed) {
      next(async () => {
        if (code) await deed(code);
      });
    },
    async rested() {
      while (untold > 0) await last;
    },
    close() {
      isGivenUp = true;
      code?.close();
    },
  };
}
