/** Programs that are started by name, and the module each begins with. */
export const programs: Readonly<Record<string, string>> = {
  pitaya: "cli/main.ts",
  credentials: "cli/auth/main.ts",
  supervisor: "cli/stack/main.ts",
  coordinator: "services/coordinator/main.ts",
  "runner-agent": "services/runner-agent/main.ts",
  warden: "services/runner-agent/warden/main.ts",
  "isolate-worker": "packages/isolate/worker.ts",
};
