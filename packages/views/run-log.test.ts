import { type Decision, subjects } from "@pitaya/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LogEvent, type LogMessage, runLog } from "./run-log.ts";

const run = "run_20260102_030405_0a1b2c3d";
const instance = "0123456789abcdef";
const runner = "runner-1";
const at = "2026-01-02T03:04:05.000Z";

/** Messages of one run's log in the making: the next one gets the next sequence. */
function logOf() {
  let sequence = 0;
  const message = (subject: string, body: unknown): LogMessage => {
    sequence += 1;
    return {
      subject,
      sequence,
      storedAt: new Date(sequence),
      payload: Buffer.from(JSON.stringify(body)),
    };
  };
  return {
    decision: (epoch: number, n: number, entries: readonly Decision[]) =>
      message(subjects.decision.of({ run }), {
        v: 1,
        run,
        epoch,
        n,
        coordinator: "c",
        at,
        entries,
      }),
    fact: (attempt: number, n: number, fact: unknown, by = runner, incarnation = "00000001") =>
      message(subjects.fact.of({ run, runner: by, instance, attempt: String(attempt) }), {
        v: 1,
        run,
        instance,
        attempt,
        at,
        by: "runner",
        runner: by,
        incarnation,
        n,
        fact,
      }),
    seal: (attempt: number, epoch = 1) =>
      message(subjects.fact.of({ run, runner, instance, attempt: String(attempt) }), {
        v: 1,
        run,
        instance,
        attempt,
        at,
        by: "coordinator",
        coordinator: "c",
        epoch,
        n: 1,
        reason: "lost",
      }),
    raw: message,
  };
}

const owner: Decision = { type: "owner.changed" };
const placed = (attempt: number, assumes: number) =>
  ({
    type: "attempt.placed",
    instance,
    assumes,
    attempt,
    runner,
    claimTimeoutMs: 1_000,
  }) as unknown as Decision;
const claimed = { type: "attempt.claimed" };
const account = { agentMs: 0 };
const succeeded = {
  type: "attempt.succeeded",
  uncommitted: false,
  forcedCommit: false,
  account,
  lfsObjectsMissing: 0,
};

const kinds = (events: readonly LogEvent[]) => events.map((event) => event.kind);
const reasonOf = (events: readonly LogEvent[]) =>
  events.flatMap((event) => ("reason" in event ? [event.reason] : []));

describe("an attempt's chain", () => {
  it("counts from the placement through the claim to the end, and nothing after it", () => {
    const make = logOf();
    const log = runLog();
    expect(kinds(log.admit(make.decision(1, 1, [placed(1, 0)])))).toEqual(["decision"]);
    expect(kinds(log.admit(make.fact(1, 1, claimed)))).toEqual(["fact"]);
    expect(kinds(log.admit(make.fact(1, 2, succeeded)))).toEqual(["fact"]);
    expect(reasonOf(log.admit(make.fact(1, 3, claimed)))).toEqual(["the attempt is final"]);
    expect(log.versionOf(instance)).toBe(3);
  });

  it("is over with a seal: what the runner wrote later is stale", () => {
    const make = logOf();
    const log = runLog();
    log.admit(make.decision(1, 1, [placed(1, 0)]));
    log.admit(make.fact(1, 1, claimed));
    expect(kinds(log.admit(make.seal(1)))).toEqual(["seal"]);
    expect(reasonOf(log.admit(make.fact(1, 2, succeeded)))).toEqual(["the attempt is sealed"]);
    expect(log.chainOf(instance, 1)?.ended).toBe("sealed");
  });

  it("has a tail behind which a seal can stand, whatever its runner wrote there", () => {
    const make = logOf();
    const log = runLog();
    const chain = () => log.chainOf(instance, 1);
    log.admit(make.decision(1, 1, [placed(1, 0)]));
    expect(chain()?.tail).toBe(0);
    const claim = make.fact(1, 1, claimed);
    log.admit(claim);
    const outOfPlace = make.fact(1, 7, succeeded);
    expect(kinds(log.admit(outOfPlace))).toEqual(["stale"]);
    expect(chain()).toMatchObject({ tail: outOfPlace.sequence, lastSequence: claim.sequence });
    const garbage = make.raw(claim.subject, "no fact at all");
    expect(kinds(log.admit(garbage))).toEqual(["unreadable"]);
    expect(chain()).toMatchObject({ tail: garbage.sequence, lastSequence: claim.sequence });
    // Not this attempt's subject.
    log.admit(make.fact(1, 1, claimed, "runner-2"));
    expect(chain()?.tail).toBe(garbage.sequence);
    expect(runLog(log.freeze()).chainOf(instance, 1)?.tail).toBe(garbage.sequence);
    expect(kinds(log.admit(make.seal(1)))).toEqual(["seal"]);
  });

  it("that no decision placed, or placed elsewhere, does not count", () => {
    const make = logOf();
    const log = runLog();
    expect(reasonOf(log.admit(make.fact(1, 1, claimed)))).toEqual([
      "no decision placed this attempt",
    ]);
    log.admit(make.decision(1, 1, [placed(1, 0)]));
    const elsewhere = make.fact(1, 1, claimed, "runner-2");
    expect(reasonOf(log.admit(elsewhere))).toEqual(["placed on runner-1, not on runner-2"]);
  });

  it("begins with the claim and has no holes", () => {
    const make = logOf();
    const log = runLog();
    log.admit(make.decision(1, 1, [placed(1, 0)]));
    expect(kinds(log.admit(make.fact(1, 1, succeeded)))).toEqual(["stale"]);
    log.admit(make.fact(1, 1, claimed));
    expect(kinds(log.admit(make.fact(1, 3, succeeded)))).toEqual(["stale"]);
    const restarted = make.fact(1, 1, { type: "attempt.adopted" }, runner, "00000002");
    expect(kinds(log.admit(restarted))).toEqual(["fact"]);
  });

  it("is sealed for good also by an epoch that is over: its runner stops, whoever sealed it", () => {
    const make = logOf();
    const log = runLog();
    log.admit(make.decision(1, 1, [placed(1, 0)]));
    log.admit(make.decision(2, 1, [owner]));
    expect(kinds(log.admit(make.seal(1, 1)))).toEqual(["seal"]);
    expect(reasonOf(log.admit(make.seal(1, 2)))).toEqual(["the attempt is sealed"]);
  });
});

describe("decisions", () => {
  it("of an older epoch, or out of their order, do not count", () => {
    const make = logOf();
    const log = runLog();
    log.admit(make.decision(3, 1, [owner]));
    expect(kinds(log.admit(make.decision(2, 1, [owner])))).toEqual(["stale"]);
    const stale = make.decision(3, 3, [owner]);
    expect(kinds(log.admit(stale))).toEqual(["stale"]);
    expect(log.decisions).toMatchObject({ epoch: 3, lastSequence: stale.sequence });
    expect(kinds(log.admit(make.decision(3, 2, [owner])))).toEqual(["decision"]);
  });

  it("about an instance that moved on are void, and the rest of their turn counts", () => {
    const make = logOf();
    const log = runLog();
    expect(kinds(log.admit(make.decision(1, 1, [placed(1, 7), owner])))).toEqual([
      "void",
      "decision",
    ]);
  });
});

it("reports what it cannot read and goes on", () => {
  const make = logOf();
  const log = runLog();
  const broken = make.raw(subjects.decision.of({ run }), { v: 1, nonsense: true });
  const [unreadable] = log.admit(broken);
  expect(unreadable).toMatchObject({
    kind: "unreadable",
    reason: expect.stringMatching(/^\w[^{["]*: /),
  });
  expect(kinds(log.admit(make.raw("pitaya.v1.evt.odd", {})))).toEqual(["unreadable"]);
  expect(kinds(log.admit(make.decision(1, 1, [owner])))).toEqual(["decision"]);
});

it("gives the same events however often messages are delivered again", () => {
  const make = logOf();
  const messages = [
    make.decision(1, 1, [placed(1, 0)]),
    make.fact(1, 1, claimed),
    make.seal(1),
    make.decision(1, 2, [placed(2, 3)]),
    make.fact(2, 1, claimed),
    make.fact(2, 2, succeeded),
  ];
  const straight = runLog();
  const expected = messages.flatMap((message) => straight.admit(message));
  fc.assert(
    fc.property(
      fc.array(fc.nat(messages.length - 1), { maxLength: 40, size: "max" }),
      (repeats) => {
        const log = runLog();
        const got: LogEvent[] = [];
        let next = 0;
        for (const again of repeats) {
          if (again < next) got.push(...log.admit(messages[again] ?? make.raw("", {})));
          else {
            const message = messages[next];
            if (message) got.push(...log.admit(message));
            next += 1;
          }
        }
        for (; next < messages.length; next++) {
          const message = messages[next];
          if (message) got.push(...log.admit(message));
        }
        expect(got).toEqual(expected);
      },
    ),
  );
});
