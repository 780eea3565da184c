import { describe, expect, it } from "vitest";
import { isGuest, permissionsOf, type Role, subjects } from "./index.ts";

const roles: readonly Role[] = ["coordinator", "runner", "cli", "admin"];

describe("permissions", () => {
  it.each(roles)("of a %s name its own id and no other", (role) => {
    const [one, two] = [permissionsOf(role, "zq-1"), permissionsOf(role, "zq-2")];
    const renamed = (list: readonly string[]) =>
      list.map((subject) => subject.replaceAll("zq-1", "zq-2"));
    expect(renamed(one.publish)).toEqual(two.publish);
    expect(renamed(one.subscribe)).toEqual(two.subscribe);
  });

  it.each(roles)("of a %s are refused to a name that would change them", (role) => {
    for (const id of ["*", ">", "a.b", "", "A", "a b", "x".repeat(64)]) {
      expect(() => permissionsOf(role, id)).toThrow();
    }
  });

  it.each(roles.filter(isGuest))("of a %s hold nothing that is everybody's", (role) => {
    const { publish, subscribe, responds } = permissionsOf(role, "me");
    expect(responds).toBe(false);
    for (const subject of publish) {
      expect(subject).not.toMatch(/^(>|\*)/);
      expect(subject).not.toMatch(/^\$JS\.API/);
      expect(subject).not.toMatch(/CONSUMER\.CREATE|STREAM\.(CREATE|UPDATE|DELETE|PURGE|MSG)/);
    }
    expect(subscribe).toContain("_INBOX_me.>");
    expect(subscribe.filter((subject) => subject.startsWith("_INBOX_"))).toHaveLength(1);
    for (const family of [subjects.decision, subjects.start, subjects.control]) {
      expect(publish).not.toContain(family.filter());
    }
  });

  it("to write facts stop at one's own", () => {
    const facts = permissionsOf("runner", "r1").publish.filter((s) => s.includes(".fact."));
    for (const subject of facts) expect(subject).toContain(".fact.r1.");
    expect(permissionsOf("cli", "u1").publish.filter((s) => s.includes(".fact."))).toEqual([]);
  });
});
