import { readFileSync } from "node:fs";

type Environment = Record<string, string | undefined>;

const PROCFILE = new URL("../../Procfile.dev", import.meta.url);

/** Return this process's port and its backend's address.
 *
 * `BACKEND_URL` says where the backend is. Plain `honcho start` does not set
 * it, but gives the Procfile's first process a PORT and each next one 100
 * more: so two processes are as many hundreds apart as they are lines.
 */
export function findAddresses(
  environment: Environment,
  procfile: string = readFileSync(PROCFILE, "utf8"),
): { port: number; backend: string } {
  const names = Array.from(procfile.matchAll(/^([A-Za-z0-9_-]+):\s*.+$/gm), (line) => line[1]);
  const place = (name: string) => 100 * names.indexOf(name);
  const port = Number(environment.PORT || 5000 + place("frontend"));
  const beside = `http://127.0.0.1:${port - place("frontend") + place("backend")}`;
  return { port, backend: environment.BACKEND_URL || beside };
}
