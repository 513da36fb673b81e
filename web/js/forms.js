// Forms whose words are the address leave out what was left empty, whoever sends them.

export function bindForms() {
  document.addEventListener("formdata", (event) => {
    if (!event.target.matches("[data-tidy]")) return;
    for (const [name, word] of [...event.formData.entries()]) {
      if (word !== "") continue;
      const kept = event.formData.getAll(name).filter((one) => one !== "");
      event.formData.delete(name);
      for (const one of kept) event.formData.append(name, one);
    }
  });
}
