// A client of the API: types from its OpenAPI document, the token on every request, the envelope taken off.
import createClient, { type Client, type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.js";

export type Hearlers = Client<paths>;

/** An error of the API: what clients decide by is its `code`. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly retryAfter: number | undefined) {
    super(`${status} ${code}: ${message}`);
  }
}

/** A client of the gateway at `baseUrl`, with the access token if there is one. */
export function hearlers(baseUrl: string, token?: string, ...more: Middleware[]): Hearlers {
  // Redirects of a sign-in are for browsers to follow.
  const client = createClient<paths>({ baseUrl, redirect: "manual" });
  client.use({
    onRequest({ request }) {
      if (token) request.headers.set("Authorization", `Bearer ${token}`);
      return request;
    },
  }, ...more);
  return client;
}

interface Answered<T> {
  data?: { data: T } | undefined;
  error?: { code: string; message: string } | undefined;
  response: Response;
}

/** The data of a success; an error is thrown. */
export function data<T>({ data, error, response }: Answered<T>): T {
  if (data) return data.data;
  const retryAfter = response.headers.get("Retry-After");
  throw new ApiError(response.status, error?.code ?? "", error?.message ?? "", retryAfter ? Number(retryAfter) : undefined);
}

/** What was said and answered: with 201 in JSON, with 200 as the last of the events. */
export type Turn = components["schemas"]["Envelope_NewMessages_CounselMessage"]["data"];

/** Server-sent events of an answer, until it ends. */
export async function* events(response: Response): AsyncGenerator<{ event: string; id: string | undefined; data: unknown }> {
  let rest = "";
  const decoder = new TextDecoder();
  if (!response.body) return;
  for await (const bytes of response.body) {
    const blocks = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(block.split("\n").map((line) => {
        const at = line.indexOf(":");
        return [line.slice(0, at), line.slice(at + 1).trimStart()] as const;
      }));
      const event = fields.get("event");
      if (event) yield { event, id: fields.get("id"), data: JSON.parse(fields.get("data") ?? "null") };
    }
  }
}
