/**
 * Names of all settings, apart from their schema so that parsing a command line loads nothing.
 * `schema.ts` has an entry for each, and only for these.
 */
export const SETTING_KEYS = [
  "model",
  "plugin_name",
  "strategy",
  "runs",
  "output",
  "logs_dir",
  "results_dir",
  "import_policy",
  "import_conflict_policy",
  "skip_empty_import",
  "runner.timeout",
  "runner.start_timeout",
  "runner.stall",
  "runner.cpu_limit",
  "runner.memory_limit",
  "runner.pids_limit",
  "runner.disk_limit",
  "runner.network_egress",
  "runner.docker_image",
  "runner.force_commit",
  "runner.commit_instruction",
  "runner.git_name",
  "runner.git_email",
  "runner.include_branches",
  "orchestration.max_parallel_instances",
  "orchestration.max_parallel_startup",
  "orchestration.randomize_queue_order",
  "orchestration.branch_namespace",
  "orchestration.allow_overwrite_protected_refs",
  "orchestration.retries",
  "orchestration.snapshot_interval",
  "coordinator.allow_custom_code",
  "logging.console_verbose",
  "nats.url",
  "nats.creds",
] as const;

export type SettingKey = (typeof SETTING_KEYS)[number];
