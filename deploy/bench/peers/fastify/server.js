// GET /v1/users/me as the gateway answers it: verify the access token, call UserService.GetUser on behalf of its user,
// and answer the envelope. One process a processor; each has one gRPC client, as grpc-js advises.

import cluster from "node:cluster";
import { createHash, createPublicKey } from "node:crypto";
import { availableParallelism } from "node:os";

import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import { createSigner, createVerifier } from "fast-jwt";
import Fastify from "fastify";

/** How long a call may take, as at the gateway. */
const DEADLINE_MS = 10_000;
/** For how long a mesh token is good, and for how long it is used again, as at the gateway. */
const MESH_TOKEN_LIFETIME_MS = 60_000;
const MESH_TOKEN_REUSE_MS = 30_000;
/** How many tokens are remembered, as at the gateway. */
const REMEMBERED = 10_000;

const { LISTEN_HOST, LISTEN_PORT, USER_SVC, PROTO, SESSION_KEY, MESH_SIGNING_KEY } = process.env;
const WORKERS = Number(process.env.WORKERS ?? availableParallelism());

const verify = createVerifier({
  key: SESSION_KEY,
  algorithms: ["HS256"],
  cache: REMEMBERED,
  // A token is its own key, as at the gateway: hashing it costs more than the rest of the look-up.
  cacheKeyBuilder: (token) => token,
});

const signMeshToken = createSigner({
  key: MESH_SIGNING_KEY,
  algorithm: "EdDSA",
  kid: createHash("sha256").update(createPublicKey(MESH_SIGNING_KEY).export({ format: "jwk" }).x).digest("hex").slice(0, 16),
  iss: "gateway",
  aud: ["user-svc"],
  expiresIn: MESH_TOKEN_LIFETIME_MS,
});

const profile = {
  type: "object",
  properties: {
    profileImage: { type: "string" },
    gender: { type: "string" },
    mbti: { type: "string" },
    birthYear: { type: "integer" },
  },
};
const user = {
  type: "object",
  required: ["id", "nickname", "userProfile"],
  properties: { id: { type: "string" }, nickname: { type: "string" }, userProfile: profile },
};
const envelope = {
  type: "object",
  properties: {
    message: { type: "string" },
    data: { type: "object", properties: { user } },
    timestamp: { type: "string" },
  },
};

/** What calls on behalf of a user carry; a Map keeps the order of insertion, so that the first is the oldest. */
const signed = new Map();

function metadataOf(claims) {
  const now = Date.now();
  const known = signed.get(claims.id);
  if (known !== undefined && known.until > now) {
    return known.metadata;
  }
  const role = claims.authority === "AUTHORITY_ADMIN" ? "admin" : "user";
  const metadata = new grpc.Metadata();
  metadata.set("x-mesh-token", signMeshToken({ role, id: claims.id }));
  signed.delete(claims.id);
  if (signed.size >= REMEMBERED) {
    signed.delete(signed.keys().next().value);
  }
  signed.set(claims.id, { metadata, until: now + MESH_TOKEN_REUSE_MS });
  return metadata;
}

function timestamp() {
  return new Date().toISOString().slice(0, 19).replace("T", " ");
}

function refusal(reply, status, code, message) {
  return reply.code(status).send({ status: code, code, message, timestamp: timestamp() });
}

function authenticate(request, reply, done) {
  const header = request.headers.authorization ?? "";
  try {
    const claims = verify(header.startsWith("Bearer ") ? header.slice(7) : "");
    if (claims.typ === "access") {
      request.claims = claims;
      return done();
    }
  } catch {
    // Refused below, as what is no access token.
  }
  refusal(reply, 401, "UNAUTHORIZED", "the access token is not valid");
}

async function serve() {
  const options = { includeDirs: [PROTO], enums: String, longs: Number };
  const { UserService } = grpc.loadPackageDefinition(
    await protoLoader.load("hearlers/v1/user.proto", options),
  ).hearlers.v1;
  const client = new UserService(USER_SVC, grpc.credentials.createInsecure());

  const app = Fastify({ logger: false, keepAliveTimeout: 60_000 });
  app.decorateRequest("claims", null);
  app.get("/v1/users/me", { preHandler: authenticate, schema: { response: { 200: envelope } } }, (request, reply) => {
    const { id } = request.claims;
    const deadline = Date.now() + DEADLINE_MS;
    client.getUser({ userId: id }, metadataOf(request.claims), { deadline }, (error, answer) => {
      if (error?.code === grpc.status.NOT_FOUND) {
        refusal(reply, 404, "NOT_FOUND", "there is no such user");
      } else if (error) {
        refusal(reply, 503, "SERVICE_UNAVAILABLE", "try again later");
      } else {
        reply.send({ message: "OK", data: { user: answer.user }, timestamp: timestamp() });
      }
    });
  });
  await app.listen({ host: LISTEN_HOST, port: Number(LISTEN_PORT) });
}

if (cluster.isPrimary && WORKERS > 1) {
  for (let worker = 0; worker < WORKERS; worker += 1) {
    cluster.fork();
  }
} else {
  await serve();
}
