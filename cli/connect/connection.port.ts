import type { Bus } from "@pitaya/bus";

/** Why the embedded stack is gone for good, as far as this command is concerned. */
export interface StackGone {
  readonly reason: string;
  /** Runs that it interrupted on its way out. */
  readonly interrupted: readonly string[];
}

/**
 * The store a command works with, wherever it is.
 *
 * Implementations: `embedded.ts` and `remote.ts`; `testing/memory-connection.ts`.
 */
export interface Connection {
  /**
   * The bus as of now. Where the embedded stack died and came back at another address this is
   * another object, and `moved` of before aborts: whoever follows begins again where it was.
   */
  readonly bus: Bus;
  readonly moved: AbortSignal;
  /** Resolves when the bus can be used again after `moved` aborted. @throws as connecting does */
  settled(): Promise<void>;
  /** This process on the bus: writer of its blobs and of its notes. */
  readonly client: string;
  /** Names the store, so that what it holds can be remembered. */
  readonly store: string;
  /** Resolves if the embedded stack ends on purpose; never where there is none. */
  readonly gone: Promise<StackGone>;
  /** No submit is under way any more: the stack need not wait for this command. */
  submitted(): Promise<void>;
  /** The embedded runner offers at least so many slots until no run is live. Nothing elsewhere. */
  raiseSlots(run: string, atLeast: number): Promise<void>;
  close(): Promise<void>;
}

export interface ConnectOptions {
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** A server of the user's; otherwise the embedded stack. */
  readonly natsUrl: string | undefined;
  readonly natsCreds: string | undefined;
  readonly stateDirectory: string | undefined;
  /** Names this process where its credential does not. */
  readonly nonce: string;
  readonly onProgress: (text: string) => void;
  readonly onNotice: (text: string) => void;
}

/** @throws PitayaError such as `bus_unavailable`, `server_too_old`, `stack_failed`, `engine_unavailable` */
export type Connector = (options: ConnectOptions) => Promise<Connection>;
