import "./chart.js";
import { bindCopy } from "./copy.js";
import { bindKeys } from "./keys.js";
import { bindMenu, bindScheme } from "./shell.js";
import { bindTables } from "./tables.js";

bindScheme();
bindMenu();
bindKeys();
bindCopy();
bindTables(document);
document.addEventListener("htmx:after:swap", () => bindTables(document));
