// Keys: / filters, g and a letter goes, j and k walk rows, those of a row press its buttons, ? helps. None of them while somebody types.

const PAUSE_MS = 900;
let pending = 0;

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable]") !== null;
}

function go(letter) {
  const link = document.querySelector(`[data-go="${CSS.escape(letter)}"]`);
  if (link) link.click();
}

function walk(step) {
  const links = [...document.querySelectorAll("tbody tr:not([hidden]) a.plain, [data-rows] > li h2 a.plain")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  links[Math.min(Math.max(at + step, 0), links.length - 1)].focus();
}

function focusFilter() {
  const field = document.querySelector("[data-filter], [data-narrows], [data-finds]");
  if (!field) return false;
  field.focus();
  field.select();
  return true;
}

// A key of a row, of that which has the focus, else of the first: a button is pressed, a word asked for.
function press(letter) {
  const rows = document.querySelector("[data-rows]");
  const row = document.activeElement?.closest("[data-rows] > li") ?? rows?.querySelector("li") ?? rows;
  const place = `[data-key="${CSS.escape(letter)}"]`;
  const found = row?.querySelector(place) ?? document.querySelector(`main > form ${place}`);
  if (!found) return false;
  found.click();
  if (found.matches("summary")) found.parentElement.querySelector("input, button")?.focus();
  return true;
}

// Escape takes back what a key opened: keys are those of the row again.
function takeBack(target) {
  const opened = target.closest?.("details[open]:has(> summary[data-key])");
  if (!opened) return false;
  opened.open = false;
  (opened.closest("[data-rows] > li")?.querySelector("h2 a.plain") ?? opened.querySelector("summary")).focus();
  return true;
}

// Only the focus goes there: what decides something takes a key of its own.
function focusDecision() {
  document.querySelector(".decision button[value=approve]:not(:disabled)")?.focus();
}

function findAll() {
  document.querySelector("freehold-palette")?.open();
}

function pressed(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    findAll();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && event.target.matches?.("[data-filter], [data-narrows], [data-finds]")) {
    event.target.blur();
    return;
  }
  if (event.key === "Escape" && takeBack(event.target)) return;
  if (isTyping(event.target)) return;
  if (pending && performance.now() - pending < PAUSE_MS) {
    pending = 0;
    go(event.key);
    event.preventDefault();
    return;
  }
  pending = event.key === "g" ? performance.now() : 0;
  if (event.key === "/") {
    event.preventDefault();
    if (!focusFilter()) findAll();
  }
  else if (/^[a-z]$/.test(event.key) && press(event.key)) event.preventDefault();
  else if (event.key === "?") document.querySelector("#keys")?.showModal();
  else if (event.key === "a") focusDecision();
  else if (event.key === "j") walk(1);
  else if (event.key === "k") walk(-1);
}

export function bindKeys() {
  document.addEventListener("keydown", pressed);
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) document.getElementById(opener.dataset.opens)?.showModal();
    if (event.target.closest("[data-closes]")) event.target.closest("dialog")?.close();
  });
}
