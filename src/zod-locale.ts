/** Zod's own words for what is wrong: English ones. Imported for its effect by modules that show them to people. */
import * as z from "zod/mini";
import english from "zod/v4/locales/en.js";

z.config(english());
