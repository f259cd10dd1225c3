"""Random small templates, from a seed: what `make.py` renders with Jinja2 for the differential test.

    python random_templates.py SEED COUNT > FILE

writes as many others with their results in the same form; `NEXTTOKEN_RANDOM_TEMPLATES=FILE cargo test --test jinja`
(an absolute path) renders them here.
"""

import random
import sys

NAMES = ["text", "n", "f", "nothing", "yes", "numbers", "words", "person", "people", "schema", "odd", "lines", "unknown"]
ITEMS = ["person.name", "person['age']", "people[0].name", "people[-1].tags", "schema.properties", "numbers[1]", "empty.list", "empty.map", "person.get('age')", "words[1:]", "text[::-1]", "person.items()", "numbers | map('string')", "range(3)"]
LITERALS = ["1", "0", "-3", "2.5", "1e-7", "''", "'a'", "'Hello World'", "'é\\n'", "true", "false", "none", "[]", "[1, 2]", "['b', 'a']", "(1, 'x')", "{}", "{'a': 1, 'b': [2]}", "'a,b,,c'"]
FILTERS = ["upper", "lower", "title", "capitalize", "trim", "length", "first", "last", "list", "join", "join(', ')", "string", "int", "float", "abs", "tojson", "tojson(indent=2)", "default('d')", "default('d', true)", "replace('a', 'b')", "indent(2)", "e", "dictsort", "wordcount", "truncate(6)", "center(9)", "count", "tojson(sort_keys=true, separators=(',', ':'))"]
# They are given lists: what is wrong with anything else, a generator tells only when it is gone through.
LISTS = ["numbers", "words", "people", "words[1:]", "[3, 1, 2]", "['b', 'a']", "empty.list", "person.items()", "text"]
OF_LISTS = ["sort", "select", "reject", "map('upper')", "map('string')", "batch(2)", "reverse", "select('string')", "map('length')"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "mapping", "sequence", "iterable", "callable", "true", "false", "odd", "even", "lower", "upper", "in [1, 'a']", "eq 1", "gt 1", "divisibleby 2", "sameas none"]
METHODS = ["upper()", "lower()", "strip()", "title()", "split()", "split(',')", "split('o', 1)", "rsplit('o', 1)", "partition('o')", "startswith('H')", "endswith(('d', 'x'))", "find('l')", "rfind('l')", "count('l')", "replace('l', 'L', 1)", "isdigit()", "isalpha()", "isspace()", "zfill(4)", "ljust(6, '.')", "center(7)", "removeprefix('He')", "splitlines()", "items()", "keys()", "values()", "get('a')", "get('a', 5)", "index('a')", "format(1)", "join(['x', 'y'])", "swapcase()", "capitalize()"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]


class Writer:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def expression(self, depth=3):
        pick = self.random.choice
        if depth == 0:
            return pick(NAMES + ITEMS + LITERALS)
        inner = lambda: self.expression(depth - 1)
        kind = self.random.randrange(12)
        if kind < 2:
            return inner()
        if kind < 3:
            return f"{pick(LISTS)} | {pick(OF_LISTS)} | {pick(['list', 'join', 'list | string'])}"
        if kind < 5:
            return f"({inner()}) | {pick(FILTERS)}"
        if kind < 6:
            return f"({inner()}) is {pick(['', 'not '])}{pick(TESTS)}"
        if kind < 8:
            return f"({inner()}).{pick(METHODS)}"
        if kind < 10:
            return f"({inner()}) {pick(OPERATORS)} ({inner()})"
        if kind < 11:
            return f"({inner()}) if ({inner()}) else ({inner()})"
        return pick([f"not ({inner()})", f"[{inner()}, {inner()}]", f"{{'k': {inner()}}}", f"({pick(['text', 'odd', 'numbers', 'words'])})[{pick(['0', '-1', '1:', '::2', '-2:', ':9'])}]"])

    def body(self, depth):
        return "".join(self.statement(depth) for _ in range(self.random.randint(1, 3)))

    def statement(self, depth=2):
        pick = self.random.choice
        mark = lambda: pick(["", "", "", "-", "+"])
        open_, close = lambda: "{%" + mark() + " ", lambda: " " + pick(["", "", "-"]) + "%}"
        space = pick(["", "", " ", "\n", "\n  "])
        kind = self.random.randrange(10 if depth else 4)
        if kind < 3:
            return space + "{{" + pick(["", "-"]) + " " + self.expression(2) + " }}"
        if kind < 4:
            return space + pick(["plain", "<|im_start|>", "{# note #}", "line\n", "{% raw %}\n{{ x }}{% endraw %}"])
        if kind < 6:
            return f"{space}{open_()}if {self.expression(2)}{close()}{self.body(depth - 1)}{open_()}else{close()}{self.body(depth - 1)}{open_()}endif{close()}"
        if kind < 8:
            show = pick(["{{ x }}{{ loop.index }}", "{{ loop.length }}{{ x }}", "{% if not loop.last %}{{ x }},{% endif %}"])
            return f"{space}{open_()}for x in {self.expression(1)}{close()}{show}{self.body(depth - 1)}{open_()}else{close()}none{open_()}endfor{close()}"
        if kind < 9:
            return f"{space}{open_()}set y = {self.expression(2)}{close()}{{{{ y }}}}"
        return f"{space}{open_()}macro m(a, b={self.expression(1)}){close()}{{{{ a }}}}{{{{ b }}}}{open_()}endmacro{close()}{{{{ m({self.expression(1)}) }}}}"


def templates(seed, count):
    writer = Writer(seed)
    # Few of those that fail are worth a case: `make.py` keeps one in five.
    return [writer.body(2) if writer.random.random() < 0.4 else "{{ " + writer.expression() + " }}" for _ in range(count)]


if __name__ == "__main__":
    import make

    seed, count = int(sys.argv[1]), int(sys.argv[2])
    print(make.text_of(make.small(templates(seed, count), make.expressions.VARIABLES), variables=make.expressions.VARIABLES), end="")
