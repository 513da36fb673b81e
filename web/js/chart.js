// <freehold-chart>: a chart that the server drew, with a cursor that mouse and arrow keys move over its points.

class FreeholdChart extends HTMLElement {
  connectedCallback() {
    this.svg = this.querySelector("svg");
    const points = this.querySelector("script[type='application/json']");
    if (!this.svg || !points) return;
    this.points = JSON.parse(points.textContent);
    this.at = -1;
    this.svg.setAttribute("tabindex", "0");
    this.svg.addEventListener("pointermove", (event) => this.#show(this.#nearest(event)));
    this.svg.addEventListener("pointerleave", () => this.#hide());
    this.svg.addEventListener("blur", () => this.#hide());
    this.svg.addEventListener("keydown", (event) => this.#step(event));
    this.svg.addEventListener("click", (event) => {
      if (!event.target.closest("a")) this.#follow(this.#nearest(event));
    });
    this.classList.toggle("leads", this.points.some((point) => point.href));
  }

  #nearest(event) {
    const box = this.svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.svg.viewBox.baseVal.width;
    let best = 0;
    this.points.forEach((point, i) => {
      if (Math.abs(point.x - x) < Math.abs(this.points[best].x - x)) best = i;
    });
    return best;
  }

  #step(event) {
    if (event.target !== this.svg) return; // a mark on the axis is a link of its own
    if (event.key === "Enter" && this.at >= 0) this.#follow(this.at);
    const last = this.points.length - 1;
    const from = this.at < 0 ? last : this.at;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#show(Math.min(Math.max(to, 0), last));
  }

  #follow(index) {
    const href = this.points[index]?.href;
    if (href) location.assign(href);
  }

  #show(index) {
    if (!this.points.length) return;
    this.at = index;
    const point = this.points[index];
    this.cursor ??= this.#made("line", "cursor");
    this.dot ??= this.#made("circle", "dot");
    for (const [name, value] of Object.entries({ x1: point.x, x2: point.x, y1: this.dataset.top, y2: this.dataset.bottom })) {
      this.cursor.setAttribute(name, value);
    }
    this.dot.setAttribute("cx", point.x);
    this.dot.setAttribute("cy", point.y);
    this.dot.setAttribute("r", 3.5);
    this.reading ??= this.#read();
    this.reading.hidden = false;
    this.reading.textContent = `${point.key}  ${point.shown}`;
    const scale = this.svg.getBoundingClientRect().width / this.svg.viewBox.baseVal.width;
    const left = point.x * scale;
    const room = this.clientWidth - this.reading.offsetWidth;
    this.reading.style.setProperty("left", `${Math.min(Math.max(left - this.reading.offsetWidth / 2, 0), room)}px`);
  }

  #hide() {
    this.cursor?.remove();
    this.dot?.remove();
    this.cursor = this.dot = undefined;
    if (this.reading) this.reading.hidden = true;
    this.at = -1;
  }

  #made(tag, name) {
    const made = document.createElementNS(this.svg.namespaceURI, tag);
    made.setAttribute("class", name);
    this.svg.append(made);
    return made;
  }

  #read() {
    const reading = document.createElement("output");
    reading.className = "reading";
    this.append(reading);
    return reading;
  }
}

customElements.define("freehold-chart", FreeholdChart);
