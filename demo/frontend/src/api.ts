/** What the backend refused, in its own words. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    /** What is wrong with each field, by the field's name. */
    readonly fields: Record<string, string> = {},
  ) {
    super(message);
    this.name = "ApiError";
  }
}

type Problem = { loc: (string | number)[]; msg: string };

/** What stands in for a backend whose code does not start. */
type Crash = { headline: string; file: string | null; line: number | null };

/** Turn an answer's body into an error: `detail` is a sentence, or a list of problems. */
export function readProblem(status: number, body: unknown): ApiError {
  const { detail, error } = (body ?? {}) as { detail?: string | Problem[]; error?: Crash };
  if (error?.headline) {
    const place = error.file ? ` at ${error.file}:${error.line}` : "";
    return new ApiError(`The backend does not start: ${error.headline}${place}`, status);
  }
  if (typeof detail === "string") return new ApiError(detail.replaceAll("`", ""), status);
  if (!Array.isArray(detail)) return new ApiError("The backend does not answer.", status);
  const fields = Object.fromEntries(
    detail.map(({ loc, msg }) => [String(loc.at(-1)), msg.replace(/^Value error, /, "")]),
  );
  return new ApiError("Some fields need another look.", status, fields);
}

async function call<Answer>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<Answer> {
  const headers: Record<string, string> = { accept: "application/json" };
  const request: RequestInit = { method, headers };
  if (signal) request.signal = signal;
  if (body !== undefined) {
    request.body = JSON.stringify(body);
    headers["content-type"] = "application/json";
  }
  const response = await fetch(`/api${path}`, request);
  const text = await response.text();
  if (!response.ok) throw readProblem(response.status, parse(text));
  return (text ? parse(text) : undefined) as Answer;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export const api = {
  get: <Answer>(path: string, signal?: AbortSignal) => call<Answer>("GET", path, undefined, signal),
  post: <Answer>(path: string, body?: unknown) => call<Answer>("POST", path, body),
  patch: <Answer>(path: string, body: unknown) => call<Answer>("PATCH", path, body),
  delete: (path: string) => call<void>("DELETE", path),
};
