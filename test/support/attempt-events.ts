import Docker from "dockerode";

/** What the engine says happened to an attempt's container. */
export interface AttemptEvent {
  readonly action: string;
  readonly runner: string;
  readonly instance: string;
  readonly attempt: number;
  /** By the engine's own clock, nanoseconds since the epoch. */
  readonly atNs: number;
}

/** What the engine says of the attempts of these runners, from now on. */
export interface AttemptEvents {
  readonly all: readonly AttemptEvent[];
  /** Resolves when so many of its kind have happened. */
  happened(times: number, which: Partial<AttemptEvent>): Promise<readonly AttemptEvent[]>;
  stop(): void;
}

interface EngineEvent {
  readonly Action: string;
  readonly timeNano: number;
  readonly Actor: { readonly Attributes: Readonly<Record<string, string>> };
}

export async function attemptEvents(runners: readonly string[]): Promise<AttemptEvents> {
  const all: AttemptEvent[] = [];
  const looks = new Set<() => void>();
  const stream = await new Docker().getEvents({
    filters: { type: ["container"], label: ["pitaya.role=attempt"] },
  });
  let rest = "";
  stream.on("data", (bytes: Buffer) => {
    const lines = (rest + bytes.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(JSON.parse(line));
    for (const look of [...looks]) look();
  });

  function take({ Action, timeNano, Actor }: EngineEvent): void {
    const { Attributes: labels } = Actor;
    const runner = labels["pitaya.runner"] ?? "";
    if (!runners.includes(runner)) return;
    all.push({
      action: Action,
      runner,
      instance: labels["pitaya.instance"] ?? "",
      attempt: Number(labels["pitaya.attempt"]),
      atNs: timeNano,
    });
  }

  const matching = (which: Partial<AttemptEvent>) =>
    all.filter((event) =>
      Object.entries(which).every(([key, value]) => event[key as keyof AttemptEvent] === value),
    );

  return {
    all,
    happened: (times, which) =>
      new Promise((resolve) => {
        const look = () => {
          const found = matching(which);
          if (found.length < times) return;
          looks.delete(look);
          resolve(found);
        };
        looks.add(look);
        look();
      }),
    stop() {
      (stream as unknown as { destroy(): void }).destroy();
    },
  };
}
