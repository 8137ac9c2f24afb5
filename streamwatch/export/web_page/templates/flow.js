"use strict";
// Asks for the map anew every five seconds, and leaves the reader where they are.
(() => {
  const EVERY_MS = 5000;
  const ask = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: AbortSignal.timeout(EVERY_MS) });
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
        const now = document.querySelector("main"), map = document.getElementById("map");
        if (answer.ok && fresh && fresh.innerHTML !== now.innerHTML) {
          const left = map ? map.scrollLeft : 0;
          now.replaceWith(fresh);
          const again = document.getElementById("map");
          if (again) again.scrollLeft = left;
        }
        document.body.classList.remove("old");
      } catch { document.body.classList.add("old"); }
    }
    setTimeout(ask, EVERY_MS);
  };
  setTimeout(ask, EVERY_MS);
})();
