import {
  GUEST_ACCOUNT_PREFIX,
  GUEST_JS_API,
  INBOX_PREFIX,
  isGuest,
  JS_API,
  OWNER_ACCOUNT,
  permissionsOf,
  type Role,
} from "@pitaya/protocol";

export interface ServerUser {
  readonly role: Role;
  readonly id: string;
  readonly publicKey: string;
}

export interface ServerConfigOptions {
  /** `<address>:<port>`; port -1 is a free one. */
  readonly listen: string;
  readonly users: readonly ServerUser[];
  /** Directory of JetStream's files. */
  readonly storeDir: string;
  /** Most bytes JetStream may take on disk. */
  readonly maxStoreBytes: number;
  /**
   * Writes reach the disk before they are acknowledged. Without it a power failure takes what was
   * acknowledged in the last two minutes; a killed server loses nothing either way.
   */
  readonly syncAlways: boolean;
  readonly serverName?: string;
  /** The server tells its addresses in `<here>/nats-server_<pid>.ports`. */
  readonly portsFileDir?: string;
  /** `<address>:<port>` for health and statistics over HTTP. */
  readonly monitor?: string;
  readonly tls?: { readonly certFile: string; readonly keyFile: string; readonly caFile?: string };
}

/** Answers to these requests are more than one message. */
const MANY_ANSWERS = /^\$JS\.API\.(DIRECT\.GET\.[^.]+|CONSUMER\.MSG\.NEXT\..+)$/;

/** What the guests' accounts may import, whoever they are: every subject a guest's permissions name. */
interface Imported {
  /** In the account that has the streams. */
  readonly subject: string;
  /** In the guest's account. */
  readonly as: string;
}

const inOwnerAccount = (subject: string): Imported => ({
  as: subject,
  subject: subject.startsWith(`${GUEST_JS_API}.`)
    ? `${JS_API}${subject.slice(GUEST_JS_API.length)}`
    : subject,
});

const servicesOf = ({ role, id }: ServerUser): readonly Imported[] =>
  permissionsOf(role, id).publish.map(inOwnerAccount);

const streamsOf = ({ role, id }: ServerUser): readonly string[] =>
  permissionsOf(role, id).subscribe.filter((subject) => !subject.startsWith(INBOX_PREFIX));

const accountOf = ({ role, id }: ServerUser) => `${GUEST_ACCOUNT_PREFIX}${role}-${id}`;

/**
 * Accounts and users of a nats-server with the roles of the protocol, to be included in its
 * configuration: who may do what is generated from the protocol's tables, so it cannot say
 * something else.
 *
 * @throws ZodError when an id is none
 */
export function authorizationConfig(users: readonly ServerUser[]): string {
  const guests = users.filter(({ role }) => isGuest(role));
  const owners = users.filter(({ role }) => !isGuest(role));
  return block([
    `system_account: SYS`,
    `accounts {`,
    `  SYS {}`,
    ...indent(ownerAccount(owners, guests)),
    ...guests.flatMap((guest) => indent(guestAccount(guest))),
    `}`,
  ]);
}

/** The whole configuration of a nats-server, users and all. */
export function serverConfig(options: ServerConfigOptions): string {
  const { tls } = options;
  return block([
    `listen: ${quoted(options.listen)}`,
    ...(options.serverName === undefined ? [] : [`server_name: ${quoted(options.serverName)}`]),
    ...(options.portsFileDir === undefined
      ? []
      : [`ports_file_dir: ${quoted(options.portsFileDir)}`]),
    ...(options.monitor === undefined ? [] : [`http: ${quoted(options.monitor)}`]),
    ...(tls === undefined
      ? []
      : [
          `tls {`,
          `  cert_file: ${quoted(tls.certFile)}`,
          `  key_file: ${quoted(tls.keyFile)}`,
          ...(tls.caFile === undefined ? [] : [`  ca_file: ${quoted(tls.caFile)}`]),
          `}`,
        ]),
    `jetstream {`,
    `  store_dir: ${quoted(options.storeDir)}`,
    `  max_file_store: ${options.maxStoreBytes}`,
    `  max_memory_store: 0`,
    ...(options.syncAlways ? [`  sync_interval: always`] : []),
    `}`,
  ]).concat(authorizationConfig(options.users));
}

function ownerAccount(
  owners: readonly ServerUser[],
  guests: readonly ServerUser[],
): readonly string[] {
  const accounts = `accounts: [${guests.map((guest) => quoted(accountOf(guest))).join(", ")}]`;
  const services = unique(guests.flatMap(servicesOf).map(({ subject }) => subject));
  const streams = unique(guests.flatMap(streamsOf));
  return [
    `${quoted(OWNER_ACCOUNT)} {`,
    `  jetstream: enabled`,
    `  users: [`,
    ...owners.flatMap((owner) => indent(indent(user(owner)))),
    `  ]`,
    `  exports: [`,
    ...services.map(
      (subject) =>
        `    {service: ${quoted(subject)}, ${MANY_ANSWERS.test(subject) ? "response_type: stream, " : ""}${accounts}}`,
    ),
    ...streams.map((subject) => `    {stream: ${quoted(subject)}, ${accounts}}`),
    `  ]`,
    `}`,
  ];
}

function guestAccount(guest: ServerUser): readonly string[] {
  const from = (subject: string) =>
    `{account: ${quoted(OWNER_ACCOUNT)}, subject: ${quoted(subject)}}`;
  return [
    `${quoted(accountOf(guest))} {`,
    `  users: [`,
    ...indent(indent(user(guest))),
    `  ]`,
    `  imports: [`,
    ...servicesOf(guest).map(({ subject, as }) =>
      subject === as
        ? `    {service: ${from(subject)}}`
        : `    {service: ${from(subject)}, to: ${quoted(as)}}`,
    ),
    ...streamsOf(guest).map((subject) => `    {stream: ${from(subject)}}`),
    `  ]`,
    `}`,
  ];
}

function user({ role, id, publicKey }: ServerUser): readonly string[] {
  const { publish, subscribe, responds } = permissionsOf(role, id);
  return [
    `{`,
    `  nkey: ${publicKey}`,
    `  permissions {`,
    `    publish { allow: [`,
    // The request by which a connection learns its own account.
    ...[...publish, "$SYS.REQ.USER.INFO"].map((subject) => `      ${quoted(subject)}`),
    `    ] }`,
    `    subscribe { allow: [`,
    ...subscribe.map((subject) => `      ${quoted(subject)}`),
    `    ] }`,
    ...(responds ? [`    allow_responses { max: 1, expires: "10m" }`] : []),
    `  }`,
    `}`,
  ];
}

const quoted = (text: string) => JSON.stringify(text);
const unique = (items: readonly string[]) => [...new Set(items)].sort();
const indent = (lines: readonly string[]) => lines.map((line) => `  ${line}`);
const block = (lines: readonly string[]) => `${lines.join("\n")}\n`;
