// The reader's choice of light or dark, and the menu of narrow screens.

const SCHEMES = ["system", "light", "dark"];

function scheme() {
  const kept = localStorage.getItem("scheme");
  return SCHEMES.includes(kept) ? kept : "system";
}

function apply(chosen) {
  if (chosen === "system") delete document.documentElement.dataset.scheme;
  else document.documentElement.dataset.scheme = chosen;
  for (const button of document.querySelectorAll("[data-scheme-switch]")) {
    button.setAttribute("aria-label", `Colours: ${chosen}`);
    button.title = `Colours: ${chosen}`;
  }
}

function choose(next) {
  localStorage.setItem("scheme", next);
  apply(next);
}

export function bindScheme() {
  apply(scheme());
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-scheme-switch]")) return;
    choose(SCHEMES[(SCHEMES.indexOf(scheme()) + 1) % SCHEMES.length]);
  });
  document.addEventListener("freehold:does", ({ detail }) => {
    const [what, chosen] = detail.split(" ");
    if (what === "scheme" && SCHEMES.includes(chosen)) choose(chosen);
  });
}

export function bindMenu() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-menu]");
    if (!button) return;
    const open = button.closest(".side").classList.toggle("is-open");
    button.setAttribute("aria-expanded", String(open));
  });
}
