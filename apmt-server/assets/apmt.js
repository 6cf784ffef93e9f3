// What only a browser knows or can do: its zone, its theme, and following /live. Every page works without this.
(() => {
  "use strict";
  const root = document.documentElement;
  const base = root.dataset.base;

  // The theme comes first, before anything is painted.
  const THEME = "apmt-theme";
  const stored = () => {
    try { return localStorage.getItem(THEME); } catch { return null; }
  };
  const show = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  show(stored());

  // Instants in the viewer's zone; the title keeps them in UTC.
  const zoned = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const localise = (within) => {
    for (const time of within.querySelectorAll("time[datetime]")) {
      const instant = new Date(time.dateTime);
      if (Number.isNaN(instant.getTime())) continue;
      time.title = time.dateTime;
      time.textContent = zoned.format(instant);
    }
  };

  const start = () => {
    localise(document);
    const zone = document.querySelector(".zone");
    if (zone) zone.textContent = `Times are in your zone, ${zoned.resolvedOptions().timeZone}.`;
    const choice = document.getElementById("theme");
    choice.value = root.dataset.theme ?? "auto";
    choice.addEventListener("change", () => {
      show(choice.value);
      try { localStorage.setItem(THEME, choice.value); } catch { /* then it holds for this page */ }
    });
    document.querySelector(".tools").hidden = false;
    for (const select of document.querySelectorAll(".search select")) {
      select.addEventListener("change", () => select.form.requestSubmit());
    }
    for (const button of document.querySelectorAll("[data-print]")) {
      button.hidden = false;
      button.addEventListener("click", () => print());
    }
    // Whoever gives a last day means it.
    const end = document.querySelector("input[name='end']");
    end?.addEventListener("input", () => { end.form.elements.period.value = "until"; });
    if ("live" in document.body.dataset) follow(document.body.dataset);
  };

  // Follows the log: each message says that something changed; the page is then fetched again, so that what is shown is
  // always what the server makes of it.
  const follow = ({ live: actor, cursor: first }) => {
    const state = document.getElementById("live");
    const words = document.getElementById("live-words");
    const pause = document.getElementById("live-pause");
    let cursor = first, socket = null, paused = false, wait = 1000, timer = 0;
    let wanted = false, fetching = false, spare = 0;
    state.hidden = false;

    const say = (text, on) => {
      state.classList.toggle("on", on);
      if (words.textContent !== text) words.textContent = text;
    };

    const connect = () => {
      const url = new URL(`${base}/live`, location.href);
      url.protocol = url.protocol.replace("http", "ws");
      url.searchParams.set("after", cursor);
      if (actor) url.searchParams.set("actor", actor);
      socket = new WebSocket(url);
      socket.onopen = () => { say("Live", true); };
      socket.onmessage = ({ data }) => {
        wait = 1000;
        const message = JSON.parse(data);
        cursor = message.cursor ?? cursor;
        const news = message.type === "delta" || message.type === "lagged" ||
          (message.type === "snapshot" && message.dossiers.length > 0 && !(actor && cursor === first));
        if (news) refresh();
      };
      socket.onclose = () => {
        socket = null;
        if (paused) return;
        say("Not live: connecting again", false);
        // Not all at once after a restart of the server.
        timer = setTimeout(connect, wait * (0.5 + Math.random()));
        wait = Math.min(wait * 2, 30000);
      };
    };

    // At most four fetches a second, and never more than a tenth of the time on a page that takes long.
    const refresh = () => {
      wanted = true;
      if (!fetching) setTimeout(fetchPage, Math.max(50, spare - performance.now()));
      fetching = true;
    };
    const fetchPage = async () => {
      wanted = false;
      const begun = performance.now();
      try {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } });
        if (answer.redirected) return location.reload();
        if (answer.ok && !paused) {
          replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
        }
      } catch { wanted = true; }
      spare = performance.now() + Math.max(200, 9 * (performance.now() - begun));
      fetching = false;
      if (wanted && !paused) refresh();
    };

    pause.addEventListener("click", () => {
      paused = !paused;
      pause.textContent = paused ? "Resume" : "Pause";
      clearTimeout(timer);
      if (paused) { socket?.close(); say("Paused", false); } else { connect(); refresh(); }
    });
    say("Connecting", false);
    connect();
  };

  // What a cell says, without the instant that moves on by itself.
  const cellsOf = (part) => {
    const cells = new Map();
    for (const row of part.querySelectorAll("[data-actor]")) {
      for (const cell of row.children) {
        cells.set(`${row.dataset.actor}\n${cell.className}`, { cell, text: cell.textContent, row });
      }
    }
    for (const cell of part.querySelectorAll("[data-cell]")) {
      cells.set(cell.dataset.cell, { cell, text: cell.textContent, row: null });
    }
    return cells;
  };

  // Puts the fresh parts of a page in the place of the old ones, keeps the focus and what is opened, marks what differs.
  const replace = (fresh) => {
    let changed = 0;
    const who = new Set();
    for (const part of document.querySelectorAll("[data-part]")) {
      const other = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!other) return location.reload();
      localise(other);
      if (part.innerHTML === other.innerHTML) continue;
      const before = cellsOf(part);
      const focused = part.contains(document.activeElement) ? document.activeElement : null;
      const href = focused?.getAttribute("href");
      const opened = [...part.querySelectorAll("details")].map((details) => details.open);
      document.adoptNode(other);
      [...other.querySelectorAll("details")].forEach((details, index) => { details.open = opened[index] ?? false; });
      part.replaceWith(other);
      for (const [key, { cell, text, row }] of cellsOf(other)) {
        if (before.get(key)?.text === text) continue;
        cell.classList.add("changed");
        setTimeout(() => cell.classList.remove("changed"), 6000);
        changed += 1;
        if (row) who.add(row.dataset.actor);
      }
      if (href) [...other.querySelectorAll("a[href]")].find((a) => a.getAttribute("href") === href)?.focus();
    }
    if (changed > 0) {
      const names = [...who];
      const told = names.length === 0 ? "The figures have changed"
        : names.length > 3 ? `${names.length} rows have changed` : `Changed: ${names.join(", ")}`;
      document.getElementById("told").textContent = told;
    }
  };

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
