import { outcome, scheduled } from "@pitaya/views/testing";
import { expect, test } from "vitest";
import { useStage } from "../testing/stage.ts";
import { stackedWork } from "../testing/user-repository.ts";

const stage = useStage();

test("a chosen branch on one that was not imported comes in whole, under both its names", async () => {
  const { coordinator, repository } = stage;
  await stage.pitaya(["do it", "--detach"]);
  const run = await coordinator.submitted();
  const { bus } = coordinator;
  const [first, second] = await stackedWork(repository, bus, ["a.txt", "b.txt"]);
  const { spec } = run;
  await run.decide({ type: "strategy.started", execution: scheduled(spec, "propose").execution });

  const propose = scheduled(spec, "propose");
  await run.decide({ ...propose, task: { ...propose.task, importPolicy: "never" } });
  await run.starts("propose");
  await run.succeeds("propose", first);

  const refine = scheduled(spec, "refine");
  const commit = first.work?.commit ?? "";
  const base = { ...refine.task.base, branch: propose.branch, commit };
  await run.decide({ ...refine, task: { ...refine.task, base } });
  await run.starts("refine");
  await run.succeeds("refine", second);
  const { execution, instance } = refine;
  await run.decide(
    {
      type: "strategy.completed",
      execution,
      outcome: { ...outcome("succeeded", [instance]), chosen: instance },
    },
    { type: "run.finalizing" },
    { type: "run.succeeded" },
  );

  const best = `pitaya/simple/${spec.run}/best`;
  const tip = second.work?.commit;
  expect(await stage.pitaya(["attach", spec.run])).toMatchObject({ code: 0 });
  expect(repository.git("rev-parse", best)).toBe(tip);
  expect(repository.git("rev-parse", refine.branch)).toBe(tip);
  expect(repository.git("log", "--format=%s", `${repository.head}..${best}`)).toBe(
    "write b.txt\nwrite a.txt",
  );
  const keyOf = (revision: string) =>
    /^pitaya-key: (.*)$/m.exec(repository.git("notes", "--ref=pitaya", "show", revision))?.[1];
  expect([keyOf(best), keyOf(`${best}~1`)]).toEqual(["refine", "propose"]);
  expect(repository.git("for-each-ref", "--format=%(refname)", "refs/heads/pitaya")).not.toContain(
    propose.branch,
  );

  repository.git("branch", "-D", best);
  expect(await stage.pitaya(["attach", spec.run])).toMatchObject({ code: 0 });
  expect(repository.git("branch", "--list", best)).toBe("");
  const again = await stage.pitaya(["import", spec.run]);
  expect(again.stdout).toContain(`imported  ${best} ${tip?.slice(0, 12)}`);
});
