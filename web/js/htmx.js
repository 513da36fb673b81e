// Bundled apart, so that our own script can change without this being loaded again.
import "htmx.org/dist/htmx.esm.js";
