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
})();
