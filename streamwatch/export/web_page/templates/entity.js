"use strict";
// Asks for the page anew every five seconds; what was opened stays open, and where the keyboard is stays.
(() => {
  const EVERY_MS = 5000;
  const ask = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(EVERY_MS) });
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
        const now = document.querySelector("main");
        if (answer.ok && fresh) {
          for (const one of fresh.querySelectorAll("details[id]")) {
            const before = document.getElementById(one.id);
            if (before) one.open = before.open;
          }
          const at = document.activeElement, href = at && at.closest("main a") && at.getAttribute("href");
          const opened = at && at.closest("details[id]");
          if (fresh.innerHTML !== now.innerHTML) {
            now.replaceWith(fresh);
            const again = href ? [...fresh.querySelectorAll("a")].find((one) => one.getAttribute("href") === href)
              : opened && document.getElementById(opened.id).querySelector("summary");
            if (again) again.focus({ preventScroll: true });
          }
          document.body.classList.remove("old");
        }
      } catch { document.body.classList.add("old"); }
    }
    setTimeout(ask, EVERY_MS);
  };
  setTimeout(ask, EVERY_MS);
})();
