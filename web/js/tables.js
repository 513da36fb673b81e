// Tables that sort by a click on a heading and filter by words. The rows are those the server sent; none is fetched.

function keyOf(row, column) {
  const cell = row.cells[column];
  const raw = cell.dataset.value ?? cell.textContent.trim();
  const number = Number(raw);
  return raw !== "" && Number.isFinite(number) ? number : raw.toLowerCase();
}

function compared(a, b) {
  if (a === b) return 0;
  if (a === "") return 1; // what is not there comes last, whichever way
  if (b === "") return -1;
  if (typeof a === typeof b) return a < b ? -1 : 1;
  return typeof a === "number" ? -1 : 1;
}

function sort(table, heading) {
  const down = heading.getAttribute("aria-sort") === "ascending";
  const column = heading.cellIndex;
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [keyOf(row, column), row]);
  rows.sort(([a], [b]) => (a === "" || b === "" ? compared(a, b) : down ? compared(b, a) : compared(a, b)));
  body.append(...rows.map(([, row]) => row));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
}

function filter(field) {
  const table = document.getElementById(field.getAttribute("aria-controls"));
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of table.tBodies[0].rows) {
    const text = (row.dataset.find ?? row.textContent).toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
    shown += row.hidden ? 0 : 1;
  }
  const told = document.getElementById(`${table.id}-shown`);
  if (told) told.textContent = words.length ? `${shown} of ${table.tBodies[0].rows.length}` : "";
  if (table.nextElementSibling?.matches(".none")) table.nextElementSibling.hidden = shown > 0;
}

export function bindTables(root) {
  for (const field of root.querySelectorAll("[data-filter]:not([data-bound])")) {
    field.dataset.bound = "";
    field.addEventListener("input", () => filter(field));
    field.addEventListener("keydown", (event) => {
      const first = document.querySelector(`#${field.getAttribute("aria-controls")} tbody tr:not([hidden]) a.plain`);
      if (event.key === "Enter" && first) first.click();
    });
    if (field.value) filter(field);
  }
  for (const heading of root.querySelectorAll("th[data-sorts]:not([data-bound])")) {
    heading.dataset.bound = "";
    heading.querySelector("button").addEventListener("click", () => sort(heading.closest("table"), heading));
  }
}
