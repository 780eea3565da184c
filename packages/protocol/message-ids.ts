/**
 * `Nats-Msg-Id` of every chained message. JetStream de-duplicates over the whole stream, so an id
 * names run, chain and place; a second publish of the same message is then no second event.
 */
export const messageIds = {
  decision: (run: string, epoch: number, n: number) => `${run}.d.${epoch}.${n}`,
  fact: (run: string, instance: string, attempt: number, incarnation: string, n: number) =>
    `${run}.${instance}.${attempt}.${incarnation}.${n}`,
  seal: (run: string, instance: string, attempt: number, epoch: number, n: number) =>
    `${run}.${instance}.${attempt}.seal.${epoch}.${n}`,
  start: (run: string, instance: string, attempt: number, epoch: number) =>
    `${run}.${instance}.${attempt}.start.${epoch}`,
  control: (
    run: string,
    instance: string,
    attempt: number,
    verb: string,
    epoch: number,
    n: number,
  ) => `${run}.${instance}.${attempt}.${verb}.${epoch}.${n}`,
  clean: (runner: string, request: string) => `${runner}.clean.${request}`,
  note: (run: string, client: string, nonce: string) => `${run}.c.${client}.${nonce}`,
  blobPart: (writer: string, sha256: string, part: string) => `${writer}.${sha256}.${part}`,
} as const;
