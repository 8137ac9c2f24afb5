"use strict";
// Asks for the page anew every other second, and says when nobody answers: what is old is not shown as if it were true.
(() => {
  const EVERY_MS = 2000, LATEST_MS = 5000;
  const lost = document.getElementById("lost");
  let answered = Date.now();
  const take = (text) => {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const now = document.querySelector("main"), next = fresh.querySelector("main");
    if (!next) throw new Error("no page");
    for (const one of next.querySelectorAll("details[id]")) {
      const before = document.getElementById(one.id);
      if (before) one.open = before.open;
    }
    const focused = document.activeElement && document.activeElement.closest("details[id]");
    if (now.innerHTML !== next.innerHTML) {
      now.replaceWith(next);
      const again = focused && document.getElementById(focused.id);
      if (again) again.querySelector("summary").focus({ preventScroll: true });
    }
    document.title = fresh.title;
    document.querySelector("link[rel=icon]").href = fresh.querySelector("link[rel=icon]").getAttribute("href");
    answered = Date.now();
  };
  const say = () => {
    const silent = Math.round((Date.now() - answered) / 1000);
    const isOld = silent * 1000 >= LATEST_MS;
    lost.hidden = !isOld;
    document.body.classList.toggle("old", isOld);
    if (isOld) {
      lost.textContent = `The agent has not answered for ${silent} s: what is below is old.`;
      document.title = "? no answer · StreamWatch";
    }
  };
  const ask = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(LATEST_MS) });
        if (answer.ok) take(await answer.text());
      } catch { /* said below */ }
      say();
    }
    setTimeout(ask, EVERY_MS);
  };
  setTimeout(ask, EVERY_MS);

  // Silences, by Alertmanager's API.
  const API = "/api/v2/";
  const result = document.getElementById("silence-answer"), form = document.getElementById("silence");
  const call = async (method, path, body) => {
    const headers = body ? { "Content-Type": "application/json" } : {};
    const answer = await fetch(API + path, { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(LATEST_MS) });
    const text = await answer.text();
    let found = text;
    try { found = JSON.parse(text || "null"); } catch { /* plain text */ }
    if (!answer.ok) throw new Error(String(found));
    return found;
  };
  const matcher = (text) => {
    const found = /^\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|(.*?))\s*$/.exec(text);
    if (!found) throw new Error(`${text} is no condition: write it like kafka_cluster=shop`);
    const value = found[3] === undefined ? found[4] : found[3].replace(/\\(.)/g, (_, sign) => (sign === "n" ? "\n" : sign));
    return { name: found[1], value, isRegex: found[2].endsWith("~"), isEqual: !found[2].startsWith("!") };
  };
  const written = (one) => `${one.name}${one.isEqual ? "=" : "!"}${one.isRegex ? "~" : one.isEqual ? "" : "="}"${one.value}"`;
  const line = (one) => {
    const item = document.createElement("li"), button = document.createElement("button");
    const why = one.comment ? ` (${one.comment})` : "";
    item.append(`${one.matchers.map(written).join(", ")} until ${new Date(one.endsAt).toLocaleString()}, by ${one.createdBy || "somebody"}${why} `);
    button.textContent = "End it";
    button.setAttribute("aria-label", `End it: ${one.matchers.map(written).join(", ")}`);
    button.addEventListener("click", () => act(() => call("DELETE", `silence/${one.id}`), () => "It has ended."));
    item.append(button);
    return item;
  };
  let shown = "";
  const list = async () => {
    const some = await call("GET", "silences?expired=false");
    const text = JSON.stringify(some.map((one) => [one.id, one.endsAt, one.comment]));
    if (text !== shown) document.getElementById("silenced").replaceChildren(...some.map(line));
    shown = text;
  };
  const act = async (work, words) => {
    try {
      result.textContent = words(await work());
      await list();
    } catch (error) { result.textContent = error.message; }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = new FormData(form), now = Date.now();
    act(() => call("POST", "silences", {
      matchers: given.get("what").split(/,(?=(?:[^"]*"[^"]*")*[^"]*$)/).map(matcher),
      startsAt: new Date(now).toISOString(),
      endsAt: new Date(now + given.get("hours") * 3600000).toISOString(),
      createdBy: given.get("by"), comment: given.get("why"),
    }), (made) => ["It is silenced.", ...(made.warnings || [])].join(" But: "));
  });
  const open = document.getElementById("silencing");
  const look = async () => {
    if (!open.open) return;
    if (!document.hidden) try { await list(); } catch { /* the page says that nobody answers */ }
    setTimeout(look, EVERY_MS);
  };
  open.addEventListener("toggle", look);
  document.getElementById("silences").hidden = false;
})();
