/** Requests of JetStream itself, in the account that has it. */
export const JS_API = "$JS.API";
/** The same, as a guest's account imports them. */
export const GUEST_JS_API = "pitaya.v1.js";
/** Accounts that import what their one user may do begin so. */
export const GUEST_ACCOUNT_PREFIX = "PITAYA-";
/** Answers to a process arrive under this and its id. */
export const INBOX_PREFIX = "_INBOX_";
