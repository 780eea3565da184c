/** Where an agent finds a file of its command, by the file's bare name (letters, digits, `_.-`). */
export const agentFile = (name: string): string => `/pitaya/exchange/in/${name}`;
