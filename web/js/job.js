// A job that is watched: what it says is added as it says it, and how it stands is asked for again when that changes.
// The browser comes back by itself where the connection is lost, and names the last piece it has.

class Job extends HTMLElement {
  connectedCallback() {
    const { events, after } = this.dataset;
    if (!events) return;
    this.known = "";
    this.log = this.querySelector("[data-log]");
    this.source = new EventSource(`${events}?after=${after}`);
    this.source.addEventListener("output", (event) => this.#said(JSON.parse(event.data)));
    this.source.addEventListener("state", (event) => this.#stands(JSON.parse(event.data)));
    this.source.addEventListener("end", () => this.#ended());
  }

  disconnectedCallback() {
    this.source?.close();
  }

  #said({ text }) {
    if (!this.log) return;
    const atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 24;
    this.log.querySelector("[data-nothing]")?.remove();
    this.log.append(text);
    if (atEnd) this.log.scrollTop = this.log.scrollHeight;
  }

  #stands({ state, is_unwanted, hindered, done, total, what }) {
    const progress = this.querySelector(".progress");
    const now = `${state} ${is_unwanted} ${hindered} ${total > 0}`;
    if (now !== this.known || !progress) {
      const isFirst = this.known === "";
      this.known = now;
      if (!isFirst || !progress) this.#show();
      return;
    }
    progress.querySelector("progress").value = done;
    const name = document.createElement("span");
    name.className = "mono";
    name.textContent = what;
    progress.querySelector("span").replaceChildren(`${done.toLocaleString("en")} of ${total.toLocaleString("en")} · `, name);
  }

  // What is not output is rendered by the server alone, so it is taken from the page as it would be now.
  async #show() {
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-fresh]")) {
      const now = fresh.querySelector(`[data-fresh="${part.dataset.fresh}"]`);
      if (now) part.replaceChildren(...now.childNodes);
    }
  }

  #ended() {
    this.source.close();
    this.log?.querySelector("[data-nothing]")?.replaceChildren("It said nothing.");
    this.#show();
  }
}

customElements.define("freehold-job", Job);
