/*
 * Names of fields whose text is a secret whatever it looks like. Counts are named in the plural
 * (`input_tokens`) or hold numbers, and are left alone.
 */
const SENSITIVE = new Set([
  "token",
  "apikey",
  "authorization",
  "password",
  "passwd",
  "passphrase",
  "secret",
  "secretkey",
  "accesskey",
  "privatekey",
  "cookie",
  "credential",
  "credentials",
]);

/** Whether a field's name says that its text must not be shown: by its last one or two words. */
export function isSensitiveKey(key: string): boolean {
  const words = key
    .slice(-100)
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== "");
  const last = words.at(-1) ?? "";
  return SENSITIVE.has(last) || SENSITIVE.has((words.at(-2) ?? "") + last);
}
