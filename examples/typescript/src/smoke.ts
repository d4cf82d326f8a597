// Calls every operation of the document on the mesh at BASE, and fails when one was left out or answers otherwise than
// it should. ADMIN_TOKEN is the access token of an admin.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Middleware } from "openapi-fetch";
import { data, events, hearlers, type Turn } from "./client.js";

const BASE = process.env["BASE"] ?? "http://127.0.0.1:8080";
const ADMIN_TOKEN = process.env["ADMIN_TOKEN"] ?? "";

const reached = new Set<string>();
const notice: Middleware = {
  onRequest({ request, schemaPath }) {
    reached.add(`${request.method} ${schemaPath}`);
    return undefined;
  },
};
const once = () => ({ "Idempotency-Key": crypto.randomUUID() });
const status = (expected: number, { response }: { response: Response }) =>
  assert.equal(response.status, expected, `${response.url}: ${response.status}`);

const anybody = hearlers(BASE, undefined, notice);
const guestToken = data(await anybody.POST("/v1/auth/initiate")).accessToken;
const user = hearlers(BASE, guestToken, notice);
const admin = hearlers(BASE, ADMIN_TOKEN, notice);

async function probes() {
  status(200, await anybody.GET("/livez", { parseAs: "text" }));
  status(200, await anybody.GET("/readyz"));
  status(200, await anybody.GET("/.well-known/jwks.json"));
}

async function profile() {
  const me = data(await user.GET("/v1/users/me")).user;
  const changed = data(await user.PUT("/v1/users/me", { body: { nickname: `수달${Date.now() % 100000}`, birthYear: 1994 } }));
  assert.equal(changed.user.userProfile.birthYear, 1994);
  assert.equal(data(await admin.GET("/v1/admin/users/{user-id}", { params: { path: { "user-id": me.id } } })).user.id, me.id);
  assert.ok(data(await user.GET("/v1/users/me/tokens")).tokens);
  data(await user.GET("/v1/users/me/tracking"));
  data(await user.PUT("/v1/users/me/tracking", { body: { onboardingCompleted: true } }));
  data(await user.POST("/v1/users/me/activities", {
    params: { header: once() },
    body: { activityType: "ACTIVITY_TYPE_LOGIN", devicePlatform: "DEVICE_PLATFORM_WEB" },
  }));
}

/** Tones, counselors, bubbles, episodes and their images: written by an admin, read by both. */
async function catalog() {
  const tone = data(await admin.POST("/v1/admin/tones", { body: { name: "다정한", description: "따뜻하게" } })).tone;
  const toneIs = { params: { path: { "tone-id": tone.id } } };
  data(await admin.PUT("/v1/admin/tones/{tone-id}", { ...toneIs, body: { description: "조금 더 따뜻하게" } }));
  data(await admin.GET("/v1/admin/tones/{tone-id}", toneIs));
  data(await user.GET("/v1/tones/{tone-id}", toneIs));
  data(await admin.GET("/v1/admin/tones"));
  data(await user.GET("/v1/tones"));

  const { counselor } = data(await admin.POST("/v1/admin/counselors", {
    body: { toneId: tone.id, name: "하늘", description: "이야기를 들어요", profileImage: "/one.png", gender: "COUNSELOR_GENDER_NONE" },
  }));
  const path = { "counselor-id": counselor.id };
  data(await admin.PUT("/v1/admin/counselors/{counselor-id}", { params: { path }, body: { name: "바다" } }));
  assert.equal(data(await admin.GET("/v1/admin/counselors/{counselor-id}", { params: { path } })).counselor.name, "바다");
  data(await user.GET("/v1/counselors/{counselor-id}", { params: { path } }));
  data(await admin.GET("/v1/admin/counselors"));

  const question = { question: "오늘 어땠어요?", responseOption1: "좋았어요", responseOption2: "힘들었어요" };
  const { bubble } = data(await admin.POST("/v1/admin/counselors/{counselor-id}/bubbles", { params: { path }, body: question }));
  const bubbleIs = { params: { path: { ...path, "bubble-id": bubble.id } } };
  data(await admin.PUT("/v1/admin/counselors/{counselor-id}/bubbles/{bubble-id}", { ...bubbleIs, body: question }));
  for (const client of [admin, user]) {
    const [list, random, one] = client === admin
      ? ["/v1/admin/counselors/{counselor-id}/bubbles", "/v1/admin/counselors/{counselor-id}/bubbles/random",
         "/v1/admin/counselors/{counselor-id}/bubbles/{bubble-id}"] as const
      : ["/v1/counselors/{counselor-id}/bubbles", "/v1/counselors/{counselor-id}/bubbles/random",
         "/v1/counselors/{counselor-id}/bubbles/{bubble-id}"] as const;
    status(200, await client.GET(list, { params: { path } }));
    status(200, await client.GET(random, { params: { path } }));
    status(200, await client.GET(one, bubbleIs));
  }
  data(await admin.DELETE("/v1/admin/counselors/{counselor-id}/bubbles/{bubble-id}", bubbleIs));

  const scene = { speaker: "SPEAKER_COUNSELOR" as const, content: "어서 와요.", orderIndex: 0 };
  const story = { title: "첫 만남", requiredRapportThreshold: 0, isTemporary: false, cutScenes: [scene] };
  const { episode } = data(await admin.POST("/v1/admin/counselors/{counselor-id}/episodes", { params: { path }, body: story }));
  const episodeIs = { params: { path: { ...path, "episode-id": episode.id } } };
  data(await admin.PUT("/v1/admin/counselors/{counselor-id}/episodes/{episode-id}", { ...episodeIs, body: { title: "두 번째" } }));
  data(await admin.GET("/v1/admin/counselors/{counselor-id}/episodes", { params: { path } }));
  data(await admin.GET("/v1/admin/counselors/{counselor-id}/episodes/{episode-id}", episodeIs));
  data(await user.GET("/v1/counselors/{counselor-id}/episodes", { params: { path } }));
  data(await user.GET("/v1/counselors/{counselor-id}/episodes/{episode-id}", episodeIs));

  const extension = { extension: "EXTENSION_PNG" as const };
  data(await admin.POST("/v1/admin/counselors/{counselor-id}/episodes/image-url", { params: { path }, body: extension }));
  const announced = data(await admin.POST("/v1/admin/counselors/{counselor-id}/image-url", { params: { path }, body: extension }));
  const upload = new URL(announced.presignedUrl.uploadUrl);
  const name = { "image-name": upload.pathname.split("/").pop() ?? "" };
  const dot = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=", "base64");
  const put = await anybody.PUT("/v1/images/{image-name}", {
    params: { path: name, query: { token: upload.searchParams.get("token") ?? "" } },
    // The document says what an image is by its media type alone.
    body: dot as never,
    bodySerializer: (body: unknown) => body as Buffer,
    headers: { "Content-Type": "image/png" },
  });
  assert.ok(put.response.ok, `${put.response.status}`);
  status(200, await anybody.GET("/v1/images/{image-name}", { params: { path: name }, parseAs: "blob" }));
}

/** A conversation of a guest, as it is said, and what other devices hear of it. */
async function conversation() {
  const [counselor] = data(await user.GET("/v1/counselors")).counselors;
  assert.ok(counselor);
  const path = { "counselor-id": counselor.id };
  const hearing = new AbortController();
  const feed = await user.GET("/v1/counsels/events", { parseAs: "stream", signal: hearing.signal });
  status(200, feed);
  const opened = data(await user.POST("/v1/counselors/{counselor-id}/counsels", { params: { path, header: once() }, body: {} }));
  for await (const { event, id } of events(feed.response)) {
    assert.ok(id);
    if (event === "counsel") break;
  }
  hearing.abort();

  const counsel = { ...path, "counsel-id": opened.counsel.id };
  const said = data<unknown>(await user.POST("/v1/counselors/{counselor-id}/counsels/{counsel-id}/messages", {
    params: { path: counsel, header: once() }, body: { message: "요즘 잠을 잘 못 자요." },
  })) as Turn;
  const streamed = await user.POST("/v1/counselors/{counselor-id}/counsels/{counsel-id}/messages", {
    params: { path: counsel, header: once() }, body: { message: "더 이야기해 주세요." },
    headers: { Accept: "text/event-stream" }, parseAs: "stream",
  });
  const heard = [];
  for await (const { event } of events(streamed.response)) heard.push(event);
  assert.equal(heard.at(-1), "message");
  assert.ok(heard.includes("delta"));

  const reaction = { reaction: "COUNSEL_MESSAGE_REACTION_LIKE" as const };
  const reply = { ...counsel, "message-id": said.counselorResponseMessage.id };
  data(await user.POST("/v1/counselors/{counselor-id}/counsels/{counsel-id}/messages/{message-id}/react", { params: { path: reply }, body: reaction }));
  data(await user.GET("/v1/counselors/{counselor-id}/counsels", { params: { path } }));
  data(await user.GET("/v1/counselors/{counselor-id}/counsels/{counsel-id}", { params: { path: counsel } }));
  const page = data(await user.GET("/v1/counselors/{counselor-id}/counsels/{counsel-id}/messages", {
    params: { path: counsel, query: { order: "desc", limit: 2 } },
  }));
  assert.equal(page.counselMessages.length, 2);
  data(await user.GET("/v1/counselors/{counselor-id}/relationships", { params: { path } }));

  const own = data(await admin.POST("/v1/admin/counselors/{counselor-id}/counsels", { params: { path, header: once() }, body: {} }));
  const theirs = { ...path, "counsel-id": own.counsel.id };
  const answered = data<unknown>(await admin.POST("/v1/admin/counselors/{counselor-id}/counsels/{counsel-id}/messages", {
    params: { path: theirs, header: once() }, body: { message: "안녕하세요." },
  })) as Turn;
  const their = { ...theirs, "message-id": answered.counselorResponseMessage.id };
  data(await admin.POST("/v1/admin/counselors/{counselor-id}/counsels/{counsel-id}/messages/{message-id}/react", { params: { path: their }, body: reaction }));
  data(await admin.GET("/v1/admin/counselors/{counselor-id}/counsels", { params: { path } }));
  data(await admin.GET("/v1/admin/counselors/{counselor-id}/counsels/{counsel-id}", { params: { path: theirs } }));
  data(await admin.GET("/v1/admin/counselors/{counselor-id}/counsels/{counsel-id}/messages", { params: { path: theirs } }));
}

/** Pays on the sandbox's page, as a browser does. */
async function pay(page: string): Promise<string> {
  const paid = await fetch(page, { method: "POST", body: new URLSearchParams({ card: "4242424242424242" }) });
  return ((await paid.json()) as { paymentKey: string }).paymentKey;
}

async function payments() {
  const { products } = data(await user.GET("/v1/products"));
  data(await admin.GET("/v1/admin/products"));
  const pack = products.find((product) => product.kind === "PRODUCT_KIND_TOKEN_PACK");
  const pass = products.find((product) => product.kind === "PRODUCT_KIND_MONTHLY_PASS");
  assert.ok(pack && pass);
  data(await user.GET("/v1/products/{product-id}", { params: { path: { "product-id": pack.id } } }));

  const offer = { kind: "PRODUCT_KIND_TOKEN_PACK" as const, name: "작은 묶음", description: "10개", tokens: 10, prices: [{ currency: "KRW", amount: 500 }] };
  const { product } = data(await admin.POST("/v1/admin/products", { params: { header: once() }, body: offer }));
  const offered = { params: { path: { "product-id": product.id } } };
  data(await admin.GET("/v1/admin/products/{product-id}", offered));
  data(await admin.PUT("/v1/admin/products/{product-id}", { ...offered, body: { ...offer, tokens: 12 } }));
  data(await admin.POST("/v1/admin/products/{product-id}/retire", offered));

  const buy = async (productId: string) => {
    const { order, checkout } = data(await user.POST("/v1/payments/orders", {
      params: { header: once() }, body: { productId, currency: "KRW" },
    }));
    return { path: { "order-id": order.id }, page: checkout?.url ?? "" };
  };
  const left = await buy(pack.id);
  data(await user.POST("/v1/payments/orders/{order-id}/cancel", { params: { path: left.path } }));
  const paid = await buy(pack.id);
  const confirmed = data(await user.POST("/v1/payments/orders/{order-id}/confirm", {
    params: { path: paid.path }, body: { paymentKey: await pay(paid.page) },
  }));
  assert.equal(confirmed.order.state, "ORDER_STATE_PAID");
  data(await user.GET("/v1/payments/orders"));
  data(await user.GET("/v1/payments/orders/{order-id}", { params: { path: paid.path } }));
  data(await admin.GET("/v1/admin/payments/orders"));
  data(await admin.GET("/v1/admin/payments/orders/{order-id}", { params: { path: paid.path } }));
  data(await admin.POST("/v1/admin/payments/orders/{order-id}/refund", {
    params: { path: paid.path, header: once() }, body: { reason: "잘못 샀어요" },
  }));

  const monthly = await buy(pass.id);
  const begun = data(await user.POST("/v1/payments/orders/{order-id}/confirm", {
    params: { path: monthly.path }, body: { paymentKey: await pay(monthly.page) },
  }));
  const subscription = { params: { path: { "subscription-id": begun.order.subscriptionId ?? "" } } };
  data(await user.GET("/v1/payments/subscriptions"));
  data(await user.GET("/v1/payments/subscriptions/{subscription-id}", subscription));
  data(await user.POST("/v1/payments/subscriptions/{subscription-id}/cancel", subscription));
  data(await user.POST("/v1/payments/subscriptions/{subscription-id}/resume", subscription));
  data(await admin.GET("/v1/admin/payments/subscriptions"));
  data(await admin.GET("/v1/admin/payments/subscriptions/{subscription-id}", subscription));
  data(await admin.POST("/v1/admin/payments/subscriptions/{subscription-id}/cancel", subscription));

  // A notice that nobody signed is refused.
  const unsigned = await anybody.POST("/v1/payments/notices/{provider}", { params: { path: { provider: "sandbox" } } });
  assert.ok([400, 401, 403].includes(unsigned.response.status), `${unsigned.response.status}`);
}

/** A version of the prompts: written as the draft, saved, activated, copied, deleted. */
async function prompts() {
  const active = data(await admin.GET("/v1/admin/prompt-versions/active-version")).promptVersion;
  const draft = data(await admin.GET("/v1/admin/prompt-versions/temporary-version")).promptVersion;
  const query = { promptVersionId: draft.id };
  const { counselTechniques } = data(await admin.GET("/v1/admin/counsel-techniques", { params: { query } }));
  const [first] = counselTechniques;
  assert.ok(first);
  data(await admin.GET("/v1/admin/counsel-techniques/{counsel-technique-id}", { params: { path: { "counsel-technique-id": first.id } } }));
  const made = data(await admin.POST("/v1/admin/prompt-versions/temporary-version/counsel-techniques", {
    params: { header: once() },
    body: { name: "되묻기", toneId: first.toneId, context: "처음", instruction: "되물어요", messageThreshold: 2, temperature: 0.5 },
  })).counselTechnique;
  data(await admin.PUT("/v1/admin/prompt-versions/temporary-version/counsel-techniques/{counsel-technique-id}", {
    params: { path: { "counsel-technique-id": made.id } }, body: { messageThreshold: 3 },
  }));
  const { rule } = await makeRule(draft.id, first.id, made.id);
  const ruleIs = { params: { path: { "transition-rule-id": rule.id } } };
  data(await admin.GET("/v1/admin/counsel-techniques/transition-rules", { params: { query } }));
  data(await admin.GET("/v1/admin/counsel-techniques/transition-rules/{transition-rule-id}", ruleIs));
  data(await admin.PUT("/v1/admin/counsel-techniques/transition-rules/{transition-rule-id}", { ...ruleIs, body: { priority: 8 } }));
  data(await admin.DELETE("/v1/admin/counsel-techniques/transition-rules/{transition-rule-id}", ruleIs));

  const [counselor] = data(await user.GET("/v1/counselors")).counselors;
  assert.ok(counselor);
  data(await admin.PUT("/v1/admin/prompt-versions/temporary-version/persona-prompts", { body: { counselorId: counselor.id, body: "하늘이에요" } }));
  data(await admin.PUT("/v1/admin/prompt-versions/temporary-version/tone-prompts", { body: { toneId: first.toneId, body: "다정하게" } }));
  const [persona] = data(await admin.GET("/v1/admin/persona-prompts", { params: { query } })).personaPrompts;
  const [tone] = data(await admin.GET("/v1/admin/tone-prompts", { params: { query } })).tonePrompts;
  assert.ok(persona && tone);
  data(await admin.GET("/v1/admin/persona-prompts/{persona-prompt-id}", { params: { path: { "persona-prompt-id": persona.id } } }));
  data(await admin.GET("/v1/admin/tone-prompts/{tone-prompt-id}", { params: { path: { "tone-prompt-id": tone.id } } }));

  const save = { name: `판 ${Date.now()}`, description: "", isBookmarked: false, aiModel: "AI_MODEL_GPT_4O_MINI" as const };
  const saved = data(await admin.PUT("/v1/admin/prompt-versions/temporary-version", { body: save })).promptVersion;
  const version = (id: string) => ({ params: { path: { "prompt-version-id": id } } });
  data(await admin.GET("/v1/admin/prompt-versions"));
  data(await admin.GET("/v1/admin/prompt-versions/{prompt-version-id}", version(saved.id)));
  data(await admin.PUT("/v1/admin/prompt-versions/{prompt-version-id}", { ...version(saved.id), body: { isBookmarked: true } }));
  data(await admin.POST("/v1/admin/prompt-versions/{prompt-version-id}/activate", version(saved.id)));
  data(await admin.GET("/v1/admin/prompt-activate-histories"));
  data(await admin.POST("/v1/admin/prompt-versions/{prompt-version-id}/activate", version(active.id)));
  data(await admin.PUT("/v1/admin/prompt-versions/temporary-version/{prompt-version-id}", version(active.id)));
  const gone = await admin.DELETE("/v1/admin/prompt-versions/{prompt-version-id}", version(saved.id));
  assert.ok(gone.response.ok || gone.response.status === 400, `${gone.response.status}`);
}

async function makeRule(draft: string, from: string, to: string) {
  const { counselTechniqueTransitionRule } = data(await admin.POST("/v1/admin/counsel-techniques/transition-rules", {
    params: { header: once() },
    body: { promptVersionId: draft, fromCounselTechniqueId: from, toCounselTechniqueId: to, priority: 7 },
  }));
  return { rule: counselTechniqueTransitionRule };
}

/** A sign-in with the development provider, its sessions, and the end of the user. */
async function sessions() {
  const begun = await anybody.GET("/v1/auth/login/{provider}", {
    params: { path: { provider: "kakao" }, query: { "redirect-url": `${BASE}/v1/users/me` } },
  });
  status(302, begun);
  const cookies = new Map<string, string>();
  const keep = (response: Response) => response.headers.getSetCookie().forEach((line) => {
    const [pair = ""] = line.split(";");
    const at = pair.indexOf("=");
    cookies.set(pair.slice(0, at), pair.slice(at + 1));
  });
  const cookie = () => ({ Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") });
  keep(begun.response);
  const page = begun.response.headers.get("Location") ?? "";
  const allowed = await fetch(page, { method: "POST", redirect: "manual", body: new URLSearchParams({ account: `smoke${Date.now()}`, decision: "allow" }) });
  const back = new URL(allowed.headers.get("Location") ?? "");
  const finished = await anybody.GET("/v1/auth/callback/{provider}", {
    params: { path: { provider: "kakao" }, query: { state: back.searchParams.get("state") ?? "", code: back.searchParams.get("code") ?? "" } },
    headers: cookie(),
  });
  status(302, finished);
  keep(finished.response);
  const refreshed = await anybody.POST("/v1/auth/refresh", { headers: cookie() });
  keep(refreshed.response);
  const own = hearlers(BASE, data(refreshed).accessToken, notice);
  const { sessions } = data(await own.GET("/v1/auth/sessions"));
  assert.equal(sessions.length, 1);
  data(await own.GET("/v1/users/me/export"));
  data(await own.DELETE("/v1/auth/sessions/{session-id}", { params: { path: { "session-id": sessions[0]?.id ?? "" } } }));

  const leaving = async () => hearlers(BASE, data(await anybody.POST("/v1/auth/initiate")).accessToken, notice);
  data(await (await leaving()).POST("/v1/auth/logout"));
  data(await (await leaving()).POST("/v1/auth/logout-all"));
  data(await (await leaving()).DELETE("/v1/users/me"));
}

// Versions of the prompts are complete before there is a new counselor.
for (const part of [probes, profile, prompts, catalog, conversation, payments, sessions]) {
  await part();
  console.log(`${part.name}: as it should be`);
}

const document = JSON.parse(readFileSync(new URL("../../openapi.json", import.meta.url), "utf8")) as {
  paths: Record<string, Record<string, unknown>>;
};
const all = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`));
const missed = all.filter((operation) => !reached.has(operation));
assert.deepEqual(missed, [], "operations of the document that nothing here calls");
console.log(`${all.length} of ${all.length} operations`);
