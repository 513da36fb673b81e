// <freehold-graph>: a drawing that the server made, to be dragged, sized, and walked with arrow keys along its curves.

const SIZES = [0.35, 0.5, 0.7, 0.85, 1, 1.25, 1.6];
let kept = null; // where the reader was, and how near, when a part of the drawing was opened

class FreeholdGraph extends HTMLElement {
  // Private, for an element has names of its own: `before` and `after` among them.
  #view; #svg; #natural; #size; #rows; #after; #before; #curves;

  connectedCallback() {
    this.#view = this.querySelector(".graph-view");
    this.#svg = this.#view?.querySelector("svg");
    if (!this.#svg) return;
    this.#natural = { width: Number(this.#svg.getAttribute("width")), height: Number(this.#svg.getAttribute("height")) };
    this.#size = SIZES.indexOf(1);
    this.#index();
    this.#place();
    this.#svg.addEventListener("pointerover", (event) => this.#near(event.target.closest(".graph-row")));
    this.#svg.addEventListener("pointerleave", () => this.#near(null));
    this.#svg.addEventListener("focusin", (event) => this.#near(event.target.closest(".graph-row")));
    this.addEventListener("keydown", (event) => this.#pressed(event));
    this.#view.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#view.addEventListener("pointerdown", (event) => this.#grab(event));
    this.addEventListener("click", () => {
      kept = { left: this.#view.scrollLeft, top: this.#view.scrollTop, size: this.#size };
    });
  }

  #index() {
    this.#rows = new Map([...this.#svg.querySelectorAll(".graph-row")].map((row) => [row.id, row]));
    this.#after = new Map();
    this.#before = new Map();
    this.#curves = new Map();
    for (const curve of this.#svg.querySelectorAll(".curve")) {
      const { source, target } = curve.dataset;
      for (const [map, from, to] of [[this.#after, source, target], [this.#before, target, source]]) {
        if (!map.has(from)) map.set(from, []);
        map.get(from).push(to);
      }
      for (const end of [source, target]) {
        if (!this.#curves.has(end)) this.#curves.set(end, []);
        this.#curves.get(end).push(curve);
      }
    }
  }

  #place() {
    if (kept) {
      this.#resize(kept.size);
      this.#view.scrollTo(kept.left, kept.top);
      kept = null;
      return;
    }
    if (this.#natural.width > this.#view.clientWidth) {
      this.#view.scrollLeft = Number(this.dataset.center) - this.#view.clientWidth / 2;
    }
    if (this.#natural.height > this.#view.clientHeight) {
      const row = this.#svg.querySelector(".is-start .hit")?.getAttribute("y");
      this.#view.scrollTop = Number(row ?? this.dataset.middle) - this.#view.clientHeight / 2;
    }
  }

  #near(row) {
    for (const one of this.#svg.querySelectorAll(".is-near")) one.classList.remove("is-near");
    if (!row) return;
    const seen = new Set([row.id]);
    for (const ways of [this.#after, this.#before]) {
      const waiting = [row.id];
      while (waiting.length) {
        const at = waiting.pop();
        for (const next of ways.get(at) ?? []) {
          for (const curve of this.#curves.get(at)) {
            const { source, target } = curve.dataset;
            if (source === next || target === next) curve.classList.add("is-near");
          }
          if (!seen.has(next)) {
            seen.add(next);
            waiting.push(next);
          }
        }
      }
    }
    for (const id of seen) this.#rows.get(id)?.classList.add("is-near");
  }

  #pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const zoom = { "+": this.#size + 1, "=": this.#size + 1, "-": this.#size - 1, 0: SIZES.indexOf(1) }[event.key];
    if (zoom !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      this.#resize(zoom);
      return;
    }
    const row = document.activeElement?.closest(".graph-row");
    if (!row || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    const next = this.#beside(row, event.key);
    next?.focus();
    next?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  #beside(row, key) {
    if (key === "ArrowRight" || key === "ArrowLeft") {
      const found = (key === "ArrowRight" ? this.#after : this.#before).get(row.id) ?? [];
      return found.map((id) => this.#rows.get(id)).find(Boolean);
    }
    const x = row.querySelector(".hit").getAttribute("x");
    const column = [...this.#rows.values()]
      .filter((one) => one.querySelector(".hit").getAttribute("x") === x)
      .sort((a, b) => a.querySelector(".hit").getAttribute("y") - b.querySelector(".hit").getAttribute("y"));
    return column[column.indexOf(row) + (key === "ArrowDown" ? 1 : -1)];
  }

  #resize(size) {
    this.#size = Math.min(Math.max(size, 0), SIZES.length - 1);
    const share = SIZES[this.#size];
    this.#svg.setAttribute("width", this.#natural.width * share);
    this.#svg.setAttribute("height", this.#natural.height * share);
  }

  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // the wheel alone scrolls, as everywhere
    event.preventDefault();
    this.#resize(this.#size + (event.deltaY < 0 ? 1 : -1));
  }

  #grab(event) {
    if (event.pointerType !== "mouse" || event.button !== 0 || event.target.closest("a")) return;
    const { scrollLeft, scrollTop } = this.#view;
    const from = { x: event.clientX, y: event.clientY };
    const move = (moved) => {
      this.#view.scrollTo(scrollLeft - (moved.clientX - from.x), scrollTop - (moved.clientY - from.y));
    };
    const end = () => {
      this.#view.classList.remove("is-panning");
      window.removeEventListener("pointermove", move);
      window.removeEventListener("pointerup", end);
    };
    this.#view.classList.add("is-panning");
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
  }
}

customElements.define("freehold-graph", FreeholdGraph);
