// The page works without this. With it: commands are copied by a button, the list follows as you type, and ages and
// figures stay true while the page is open. Nothing here makes HTML from text.
"use strict";

const FRESH_MS = 30_000;
const TYPING_MS = 200;

/* Ages, by the server's own rules. */
function age(seconds) {
  if (seconds < 60) return "< 1 min";
  if (seconds < 5_400) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

function tellAges() {
  for (const time of document.querySelectorAll("time[data-age]")) {
    const then = Date.parse(time.dateTime);
    const words = age((Date.now() - then) / 1_000);
    if (!Number.isNaN(then) && time.textContent !== words) time.textContent = words;
  }
}

/* Copying. */
function addCopyButtons() {
  for (const source of document.querySelectorAll("[data-copy]:not(.copies)")) {
    const text = source.textContent;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", source.tagName === "PRE" ? "Copy the command" : `Copy ${text}`);
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(source);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 2_000);
    });
    source.classList.add("copies");
    source.after(" ", button);
  }
}

/* Parts of the page, from the server again. */
async function fetchPage(address, signal) {
  const answer = await fetch(address, { signal, headers: { accept: "text/html" }, redirect: "error" });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

function replace(page, id) {
  const [before, after] = [document.getElementById(id), page.getElementById(id)];
  if (before && after) before.replaceWith(document.adoptNode(after));
}

async function refresh() {
  if (document.hidden) return;
  const lost = document.getElementById("lost");
  try {
    const page = await fetchPage(location.pathname + location.search, AbortSignal.timeout(FRESH_MS));
    lost.hidden = true;
    for (const part of document.querySelectorAll("[data-fresh]")) {
      // What somebody reads with the keyboard stays under them.
      if (!part.contains(document.activeElement)) replace(page, part.id);
    }
    document.title = page.title;
    addCopyButtons();
  } catch {
    lost.hidden = false;
  }
  tellAges();
}

/* The list follows the form. */
function follow(form) {
  let timer = 0;
  let running = new AbortController();
  const update = async () => {
    running.abort();
    running = new AbortController();
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value !== "") query.set(name, value);
    const address = query.size === 0 ? "/" : `/?${query}`;
    try {
      const page = await fetchPage(address, running.signal);
      replace(page, "results");
      history.replaceState(null, "", address);
    } catch (error) {
      // A later letter took over, or the server is away: the button still sends the form.
      if (error.name !== "AbortError") clearTimeout(timer);
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(update, TYPING_MS);
  });
}

addCopyButtons();
tellAges();
const form = document.getElementById("filter");
if (form) follow(form);
if ("live" in document.body.dataset) {
  setInterval(refresh, FRESH_MS);
  document.addEventListener("visibilitychange", refresh);
}
