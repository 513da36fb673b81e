import "./chart.js";
import "./palette.js";
import "./graph.js";
import "./job.js";
import { bindCopy } from "./copy.js";
import { bindKeys } from "./keys.js";
import { bindMenu, bindScheme } from "./shell.js";
import { bindForms } from "./forms.js";
import { bindTables } from "./tables.js";

bindScheme();
bindMenu();
bindKeys();
bindCopy();
bindForms();
bindTables(document);
document.addEventListener("htmx:after:swap", () => bindTables(document));
