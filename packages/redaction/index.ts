export { type ByteRedactor, MARK, type Redacted } from "./byte-redactor.ts";
export { customPatterns } from "./custom-patterns.ts";
export { PatternError } from "./pattern.ts";
export { type Json, type Redactor, type RedactorOptions, redactor } from "./redactor.ts";
export { redactorPool } from "./redactor-pool.ts";
export { MIN_VALUE_LENGTH } from "./value-pattern.ts";
