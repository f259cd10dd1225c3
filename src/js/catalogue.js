// Small models by name: `nexttoken/catalogue`. For the documentation see the types.

import { catalogue } from "./catalogue-models.js";
import { offerCatalogue } from "./catalogue-option.js";

// A service worker cannot import anything later: there a name needs this file to be imported at the top.
offerCatalogue(catalogue);

export { catalogue };
