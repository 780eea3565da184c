import {
  kindOf,
  type RunOverride,
  type RunSpec,
  type TaskLimits,
  type TaskSpec,
} from "@pitaya/protocol";

/** One override laid over another, which it replaces where both speak. */
export function mergedOverride(before: RunOverride, after: RunOverride): RunOverride {
  const limits = { ...before.limits, ...after.limits };
  return { ...before, ...after, ...(Object.keys(limits).length > 0 && { limits }) };
}

/** The run's settings as they hold now. */
export function overriddenSpec(spec: RunSpec, override: RunOverride): RunSpec {
  const { network, networkAllow, retries, maxParallel, maxStarting } = override;
  return {
    ...spec,
    agent: overriddenAgent(spec.agent, override),
    limits: overriddenLimits(spec.limits, override),
    ...(network !== undefined && { network }),
    ...(networkAllow !== undefined && { networkAllow }),
    ...(retries !== undefined && { retries }),
    ...(maxParallel !== undefined && { maxParallel }),
    ...(maxStarting !== undefined && { maxStarting }),
  };
}

/** A task that was scheduled before the override, as its next attempt gets it. */
export function overriddenTask(task: TaskSpec, override: RunOverride): TaskSpec {
  const { network, networkAllow } = override;
  // Where no agent is called there is nothing of an agent's to replace, and least of all to give.
  const agent = kindOf(task) === "agent" ? overriddenAgent(task.agent, override) : task.agent;
  return {
    ...task,
    agent,
    limits: overriddenLimits(task.limits, override),
    ...(network !== undefined && { network }),
    ...(networkAllow !== undefined && { networkAllow }),
  };
}

function overriddenAgent(agent: RunSpec["agent"], { baseUrl, provider, credentials }: RunOverride) {
  return {
    ...agent,
    ...(baseUrl !== undefined && { baseUrl }),
    ...(provider !== undefined && { provider }),
    ...(credentials !== undefined && { credentials }),
  };
}

const overriddenLimits = (limits: TaskLimits, override: RunOverride): TaskLimits =>
  Object.assign({ ...limits }, override.limits);
