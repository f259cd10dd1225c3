// Models by their address, kept on this device: `nexttoken/store`. For the documentation see the types.

import { offerStore } from "./store-option.js";
import { folderBackend, memoryBackend } from "./store/backends.js";
import { loadStored } from "./store/load.js";
import { ModelStore, store } from "./store/model-store.js";

// A service worker cannot import anything later: there `store: true` needs this file to be imported at the top.
offerStore(loadStored);

export { ModelStore, folderBackend, memoryBackend, store };
