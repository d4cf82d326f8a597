// A conversation in a browser: cookies for the session, one POST a message, its reply as it is said.
const talk = document.querySelector("#talk");
const state = document.querySelector("#state");

const api = async (path, options = {}) => {
  const answer = await fetch(path, { headers: { "Content-Type": "application/json" }, ...options });
  const body = await answer.json();
  if (!answer.ok) throw new Error(`${body.code}: ${body.message}`);
  return body.data;
};

const show = (text, mine) => {
  const line = document.createElement("p");
  line.className = mine ? "mine" : "";
  line.textContent = text;
  talk.append(line);
  return line;
};

// The session comes as cookies; a guest is made where there is none.
await api("/v1/users/me").catch(() => api("/v1/auth/initiate", { method: "POST" }));
const { counselors } = await api("/v1/counselors");
const counsels = `/v1/counselors/${counselors[0].id}/counsels`;
const { counsel, counselMessages } = await api(counsels, { method: "POST", body: "{}" });
counselMessages.forEach((said) => show(said.message, said.isUserMessage));

// Each block of a stream is one event: `event: <name>` and `data: <JSON>`.
async function* events(body) {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const field = (name) => block.split("\n").find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1).trim();
      if (field("event")) yield { name: field("event"), data: JSON.parse(field("data")) };
    }
  }
}

document.querySelector("#say").addEventListener("submit", async (submitted) => {
  submitted.preventDefault();
  const form = submitted.target;
  const message = form.message.value;
  show(message, true);
  const reply = show("…", false);
  form.reset();
  const answer = await fetch(`${counsels}/${counsel.id}/messages`, {
    method: "POST",
    // A key of its own: sent again after a broken connection, it says nothing twice.
    headers: { "Content-Type": "application/json", Accept: "text/event-stream", "Idempotency-Key": crypto.randomUUID() },
    body: JSON.stringify({ message }),
  });
  if (!answer.ok) { reply.textContent = (await answer.json()).message; return; }
  let text = "";
  for await (const { name, data } of events(answer.body)) {
    if (name === "restart") text = "";
    if (name === "delta") text += data.text;
    if (name === "message") text = data.data.counselorResponseMessage.message;
    if (name === "error") text = data.message;
    reply.textContent = text || "…";
  }
  const { tokens } = await api("/v1/users/me/tokens");
  const left = tokens.allowance == null ? "∞" : tokens.allowance - tokens.used + tokens.purchased;
  state.textContent = `${left} messages left`;
});
