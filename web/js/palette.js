// <freehold-palette>: from half a word to a page, a thing or an action. The server ranks; what was chosen last comes first.

const RECENT = "recent";
const MOST_RECENT = 6;
const PAUSE_MS = 70;

function recent() {
  try {
    const kept = JSON.parse(localStorage.getItem(RECENT) ?? "[]");
    return Array.isArray(kept) ? kept.filter((one) => typeof one.href === "string" && one.href.startsWith("/")) : [];
  } catch {
    return [];
  }
}

function remember({ kind, title, hint, href }) {
  const others = recent().filter((one) => one.href !== href);
  localStorage.setItem(RECENT, JSON.stringify([{ kind, title, hint, href }, ...others].slice(0, MOST_RECENT)));
}

function send(entry) {
  const form = document.createElement("form");
  form.method = "post";
  form.action = entry.href;
  for (const [name, value] of Object.entries(entry.post)) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name, value });
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}

class FreeholdPalette extends HTMLElement {
  connectedCallback() {
    this.dialog = this.querySelector("dialog");
    this.field = this.querySelector("[role=combobox]");
    this.list = this.querySelector("[role=listbox]");
    this.told = this.querySelector("[role=status]");
    this.entries = [];
    this.at = 0;
    this.field.addEventListener("input", () => this.#soon());
    this.field.addEventListener("keydown", (event) => this.#pressed(event));
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#choose(this.entries[Number(option.dataset.at)]);
    });
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
    document.addEventListener("click", (event) => {
      if (event.target.closest("[data-palette]")) this.open();
    });
  }

  open() {
    if (!this.dialog.open) this.dialog.showModal();
    this.field.value = "";
    this.field.focus();
    this.#ask();
  }

  #soon() {
    clearTimeout(this.timer);
    this.asked = undefined;
    this.timer = setTimeout(() => this.#ask(), PAUSE_MS);
  }

  // What was typed last is what counts: an answer to anything before it is dropped.
  #ask() {
    clearTimeout(this.timer);
    const words = this.field.value.trim();
    this.asked = fetch(`/palette?q=${encodeURIComponent(words)}`, { headers: { accept: "application/json" } })
      .then((answer) => (answer.ok ? answer.json() : { entries: [] }))
      .then(({ entries }) => {
        if (words === this.field.value.trim()) this.#show(words ? entries : this.#withRecent(entries));
      });
    return this.asked;
  }

  #withRecent(entries) {
    const known = recent();
    return [...known, ...entries.filter((one) => !known.some((other) => other.href === one.href))];
  }

  #show(entries) {
    this.entries = entries;
    this.list.replaceChildren(...entries.map((entry, at) => this.#option(entry, at)));
    this.told.textContent = entries.length === 1 ? "1 result" : `${entries.length} results`;
    this.#mark(0);
  }

  #option(entry, at) {
    const option = document.createElement("li");
    Object.assign(option, { id: `palette-${at}`, role: "option" });
    option.dataset.at = at;
    for (const [name, text] of [["kind", entry.kind], ["title", entry.title], ["hint", entry.hint]]) {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = text;
      option.append(part);
    }
    return option;
  }

  #mark(at) {
    const options = this.list.children;
    if (!options.length) {
      this.field.removeAttribute("aria-activedescendant");
      return;
    }
    this.at = (at + options.length) % options.length;
    for (const [place, option] of [...options].entries()) option.setAttribute("aria-selected", String(place === this.at));
    options[this.at].scrollIntoView({ block: "nearest" });
    this.field.setAttribute("aria-activedescendant", options[this.at].id);
  }

  async #pressed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.#mark(this.at + step);
    } else if (event.key === "Enter") {
      event.preventDefault();
      await (this.asked ?? this.#ask());
      this.#choose(this.entries[this.at]);
    }
  }

  #choose(entry) {
    if (!entry) return;
    this.dialog.close();
    if (entry.does) {
      document.dispatchEvent(new CustomEvent("freehold:does", { detail: entry.does }));
    } else if (entry.post) {
      send(entry);
    } else {
      remember(entry);
      location.assign(entry.href);
    }
  }
}

customElements.define("freehold-palette", FreeholdPalette);
