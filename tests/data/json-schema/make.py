"""Makes suite.json of a checkout of github.com/json-schema-org/JSON-Schema-Test-Suite (MIT, see LICENSE).

    python3 make.py CHECKOUT

Draft 2020-12, required and optional. A line for each schema: the file, the schema, the valid texts, the invalid ones.
"""

import json
import pathlib
import shutil
import sys

checkout = pathlib.Path(sys.argv[1])
here = pathlib.Path(__file__).parent
folder = checkout / "tests" / "draft2020-12"
write = lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False)
lines = []
for path in sorted(folder.rglob("*.json")):
    for group in json.loads(path.read_text()):
        schema = group["schema"]
        if isinstance(schema, dict) and schema.get("$schema", "").startswith("https://json-schema.org/"):
            del schema["$schema"]
        texts = {True: [], False: []}
        for test in group["tests"]:
            try:
                text = write(test["data"])
                text.encode()
            except UnicodeEncodeError:
                continue  # half a surrogate pair
            texts[test["valid"]].append(text)
        name = str(path.relative_to(folder))
        lines.append(write([name, schema, texts[True], texts[False]]))
(here / "suite.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
shutil.copy(checkout / "LICENSE", here / "LICENSE")
